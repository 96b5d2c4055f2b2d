import { api, dataOf } from "../../api/client";
import { useAct } from "../../parts/act";

const REFRESH = (id: number): (string | number)[][] => [["alarms"], ["alarm", id]];

export function useAcknowledge() {
  return useAct(({ id, note }: { id: number; note: string }) => ({
    call: () => dataOf(api.POST("/api/alarms/{alarm}/acknowledge", { params: { path: { alarm: id } }, body: { note } })),
    refresh: REFRESH(id),
  }));
}

export function useShelve() {
  return useAct(({ id, minutes, reason }: { id: number; minutes: number; reason: string }) => ({
    call: () => dataOf(api.POST("/api/alarms/{alarm}/shelve", { params: { path: { alarm: id } }, body: { minutes, reason } })),
    refresh: REFRESH(id),
  }));
}

export function useUnshelve() {
  return useAct((id: number) => ({
    call: () => dataOf(api.POST("/api/alarms/{alarm}/unshelve", { params: { path: { alarm: id } } })),
    refresh: REFRESH(id),
  }));
}

export function useComment() {
  return useAct(({ id, note }: { id: number; note: string }) => ({
    call: () => dataOf(api.POST("/api/alarms/{alarm}/comment", { params: { path: { alarm: id } }, body: { note } })),
    refresh: REFRESH(id),
  }));
}
