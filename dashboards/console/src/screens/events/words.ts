import { useWords } from "../../i18n";

const KINDS = {
  "access.granted": "access_granted", "access.denied": "access_denied", "door.opened": "door_opened", "door.closed": "door_closed",
  "door.forced": "door_forced", "door.held": "door_held", "door.mode": "door_mode", "reader.tamper": "reader_tamper",
  "camera.motion": "camera_motion", "camera.covered": "camera_covered", "camera.moved": "camera_moved", "camera.lost": "camera_lost",
  "camera.still": "camera_still", "device.lost": "device_lost", "device.back": "device_back", "sign.swipe": "sign_swipe",
  "command.result": "command_result", "gateway.lost": "gateway_lost", "gateway.back": "gateway_back", "gateway.clock": "gateway_clock",
} as const;

/** Kinds of events in words; a kind this console does not know keeps its own name. */
export function useEventName(): (kind: string) => string {
  const { t } = useWords();
  return (kind) => {
    const known = KINDS[kind as keyof typeof KINDS] as (typeof KINDS)[keyof typeof KINDS] | undefined;
    return known ? t(`event.${known}`) : kind;
  };
}

const REASONS = [
  "granted", "unlocked", "fire_release", "unknown_card", "blocked_card", "blocked_person", "expired", "not_yet_valid",
  "no_grant_for_door", "denied_for_door", "outside_schedule", "door_locked_down", "offline_narrowed", "policy_too_old",
  "no_policy", "unknown_door", "grant", "rex", "command", "none", "normal", "locked", "released", "done", "failed", "refused",
] as const;

/** Why it happened: the event's own text, else its reason in words. */
export function useEventReason(): (event: { text: string; reason: string }) => string {
  const { t } = useWords();
  return ({ text, reason }) => {
    const known = REASONS.find((one) => one === reason);
    return [known ? t(`event_reason.${known}`) : reason, text].filter(Boolean).join(" · ");
  };
}
