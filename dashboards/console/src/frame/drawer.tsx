import { lazy, Suspense, type ComponentType } from "react";
import { Drawer } from "antd";
import { useWords } from "../i18n";
import { Loading } from "../parts/states";
import { useThing, type Kind } from "../parts/thing";

const CARDS: Record<Kind, ComponentType<{ id: string }>> = {
  alarm: lazy(() => import("../screens/alarms/card")),
  door: lazy(() => import("../screens/doors/card")),
  camera: lazy(() => import("../screens/cameras/card")),
  device: lazy(() => import("../screens/devices/card")),
  gateway: lazy(() => import("../screens/gateways/card")),
  rule: lazy(() => import("../screens/rules/card")),
  person: lazy(() => import("../screens/people/card")),
};

/** The thing selected, over the list, which keeps its position. */
export function ThingDrawer() {
  const { t } = useWords();
  const { thing, close } = useThing();
  const Card = thing ? CARDS[thing.kind] : undefined;
  return (
    <Drawer
      open={Card !== undefined}
      onClose={close}
      mask={false}
      size={thing?.kind === "rule" ? 620 : 480}
      title={thing && Card ? t(`kind.${thing.kind}`) : ""}
      destroyOnHidden
      rootClassName="thing-drawer"
      data-testid="drawer"
    >
      {thing && Card && (
        <Suspense fallback={<Loading />}>
          <Card key={`${thing.kind}:${thing.id}`} id={thing.id} />
        </Suspense>
      )}
    </Drawer>
  );
}
