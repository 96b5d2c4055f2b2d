/** A short tone for each new unacknowledged alarm of priority 1 or 2. Browsers allow sound only after a first click. */
import type { Alarm } from "../api/shapes";
import { createStore, useStore } from "./store";

export type Sound = "waiting" | "on" | "off";

const SETTING = "campushub.sound";
const sound = createStore<Sound>(localStorage.getItem(SETTING) === "off" ? "off" : "waiting");
let audio: AudioContext | null = null;

export function useSound(): Sound {
  return useStore(sound);
}

export function toggleSound(): void {
  const next = sound.get() === "off" ? "on" : "off";
  localStorage.setItem(SETTING, next);
  sound.set(next);
  if (next === "on") unlock();
}

function unlock(): void {
  audio ??= new AudioContext();
  void audio.resume();
}

document.addEventListener("pointerdown", () => {
  if (sound.get() !== "waiting") return;
  unlock();
  sound.set("on");
});

/** Sound for an alarm that was not active before and is now. */
export function soundFor(alarm: Alarm, before: Alarm | undefined): void {
  const isNew = alarm.state === "active" && before?.state !== "active";
  if (!isNew || alarm.priority > 2 || alarm.shelved_until_ms || alarm.suppressed || sound.get() !== "on" || !audio) return;
  const tones = alarm.priority === 1 ? [880, 660, 880, 660] : [660, 520];
  tones.forEach((hertz, index) => tone(audio as AudioContext, hertz, index * 0.22));
}

function tone(context: AudioContext, hertz: number, afterS: number): void {
  const oscillator = context.createOscillator();
  const gain = context.createGain();
  const start = context.currentTime + afterS;
  oscillator.frequency.value = hertz;
  gain.gain.setValueAtTime(0.15, start);
  gain.gain.exponentialRampToValueAtTime(0.001, start + 0.2);
  oscillator.connect(gain).connect(context.destination);
  oscillator.start(start);
  oscillator.stop(start + 0.2);
}
