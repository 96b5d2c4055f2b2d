import { useQuery } from "@tanstack/react-query";
import { camerasQuery } from "../../api/queries";
import type { Camera } from "../../api/shapes";
import { useWords } from "../../i18n";
import { Age } from "../../parts/age";
import { usePlaceText } from "../../parts/place";
import { Empty, Loaded } from "../../parts/states";
import { useThing } from "../../parts/thing";
import { CameraState } from "./state";

export default function Cameras() {
  const { t } = useWords();
  const query = useQuery(camerasQuery);
  return (
    <div className="screen">
      <div className="bar">
        <h1>{t("menu.cameras")}</h1>
      </div>
      <Loaded query={query}>
        {(cameras) =>
          cameras.length === 0 ? (
            <Empty>{t("cameras.none")}</Empty>
          ) : (
            <div className="tiles">
              {[...cameras].sort((a, b) => Number(a.state === "ok") - Number(b.state === "ok")).map((camera) => (
                <Tile key={camera.id} camera={camera} />
              ))}
            </div>
          )
        }
      </Loaded>
    </div>
  );
}

function Tile({ camera }: { camera: Camera }) {
  const { t, text } = useWords();
  const placeText = usePlaceText();
  const { open } = useThing();
  return (
    <button type="button" className="tile live" onClick={() => open("camera", camera.id)} data-testid="camera" data-camera={camera.id} data-state={camera.state}>
      {camera.still === null ? <span className="no-still">{t("cameras.no_still")}</span> : <img src={`/api/evidence/${camera.still}`} alt="" loading="lazy" />}
      <b>{text(camera.name)}</b>
      <span className="quiet">{placeText(camera.place)}</span>
      <span>
        <CameraState camera={camera} /> {camera.still_ms !== null && <small className="quiet"><Age atMs={camera.still_ms} /></small>}
      </span>
    </button>
  );
}
