import { useQuery } from "@tanstack/react-query";
import { camerasQuery } from "../../api/queries";
import { useWords } from "../../i18n";
import { Age } from "../../parts/age";
import { usePlaceText } from "../../parts/place";
import { Facts } from "../../parts/panel";
import { Empty, Loaded } from "../../parts/states";
import { ThingLink } from "../../parts/thing";
import { CameraState } from "./state";
import { Still } from "./still";
import { TakeStill } from "./take-still";

export default function CameraCard({ id }: { id: string }) {
  const { t, text } = useWords();
  const placeText = usePlaceText();
  const query = useQuery(camerasQuery);
  return (
    <Loaded query={query}>
      {(cameras) => {
        const camera = cameras.find((one) => one.id === id);
        if (!camera) return <Empty>{t("state.gone")}</Empty>;
        return (
          <article className="card">
            <h2>{text(camera.name)}</h2>
            <p className="place">{placeText(camera.place)}</p>
            {camera.still === null ? <div className="no-still">{t("cameras.no_still")}</div> : <Still evidence={camera.still} word={t("cameras.newest")} />}
            <TakeStill camera={camera.id} />
            <Facts
              rows={[
                [t("word.state"), <CameraState camera={camera} />],
                ...(camera.problem ? ([[t("word.problem"), camera.problem]] as [string, string][]) : []),
                [t("cameras.newest"), camera.still_ms === null ? t("value.unknown") : <Age atMs={camera.still_ms} />],
                [t("kind.device"), <ThingLink kind="device" id={camera.id}>{camera.id}</ThingLink>],
              ]}
            />
          </article>
        );
      }}
    </Loaded>
  );
}
