import { copyFileSync, mkdirSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

/** The API's documentation page works without the internet: swagger-ui comes with the console. */
function swaggerUi(): Plugin {
  return {
    name: "swagger-ui",
    apply: "build",
    closeBundle() {
      mkdirSync("dist/swagger", { recursive: true });
      for (const file of ["swagger-ui-bundle.js", "swagger-ui.css"]) {
        copyFileSync(`node_modules/swagger-ui-dist/${file}`, `dist/swagger/${file}`);
      }
    },
  };
}

const HUB = process.env["CAMPUSHUB_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [swaggerUi()],
  oxc: { jsx: { runtime: "automatic" } },
  server: { proxy: { "/api": HUB } },
  worker: { format: "es" },
  build: {
    target: "es2023",
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      // "use client" is for servers that render React; there is none here.
      onwarn: (warning, warn) => warning.code === "MODULE_LEVEL_DIRECTIVE" || warn(warning),
      output: {
        codeSplitting: {
          groups: [
            { name: "react", test: /node_modules[\\/](react|react-dom|scheduler|react-router|i18next|react-i18next)[\\/]/ },
            { name: "echarts", test: /node_modules[\\/](echarts|zrender)[\\/]/ },
            { name: "leaflet", test: /node_modules[\\/]leaflet[\\/]/ },
          ],
        },
      },
    },
  },
});
