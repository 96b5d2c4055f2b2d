/** Fails when a language lacks a key, has one too many, a key is used nowhere, or a placeholder differs. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const LANGUAGES = ["en", "zh-CN"];

function flat(tree, prefix = "") {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === "string" ? [[prefix + key, value]] : flat(value, `${prefix}${key}.`),
  );
}

function sources(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return /\.tsx?$/.test(entry.name) && !entry.name.endsWith(".d.ts") ? [readFileSync(path, "utf8")] : [];
  });
}

const words = new Map(LANGUAGES.map((language) => [language, new Map(flat(JSON.parse(readFileSync(`src/i18n/${language}.json`, "utf8"))))]));
const code = sources("src").join("\n");
const prefixes = [...code.matchAll(/`([a-z_]+\.[a-z_]*)\$\{/g)].map((match) => match[1]);
const problems = [];

const all = new Set(LANGUAGES.flatMap((language) => [...words.get(language).keys()]));
const holes = (text) => [...text.matchAll(/\{\{\w+\}\}/g)].map((match) => match[0]).sort().join();
for (const key of all) {
  const texts = LANGUAGES.map((language) => words.get(language).get(key));
  LANGUAGES.forEach((language, index) => {
    if (!texts[index]) problems.push(`${language}: ${key} is missing`);
  });
  if (texts.every(Boolean) && new Set(texts.map(holes)).size > 1) problems.push(`${key}: placeholders differ between the languages`);
  const used = code.includes(`"${key}"`) || prefixes.some((prefix) => key.startsWith(prefix));
  if (!used) problems.push(`${key} is used nowhere`);
}
if (problems.length > 0) {
  process.stderr.write(`${problems.join("\n")}\n${problems.length} problems in the languages\n`);
  process.exit(1);
}
process.stdout.write(`${all.size} keys in ${LANGUAGES.length} languages\n`);
