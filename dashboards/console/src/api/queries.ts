/** What the screens read. Keys are shared with live/events.ts, which keeps the lists current from the stream. */
import { queryOptions } from "@tanstack/react-query";
import { api, dataOf } from "./client";

export const meQuery = queryOptions({ queryKey: ["me"], queryFn: () => dataOf(api.GET("/api/me")), retry: false });
export const planQuery = queryOptions({ queryKey: ["plan"], queryFn: () => dataOf(api.GET("/api/plan")) });
export const doorsQuery = queryOptions({ queryKey: ["doors"], queryFn: () => dataOf(api.GET("/api/doors")) });
export const camerasQuery = queryOptions({ queryKey: ["cameras"], queryFn: () => dataOf(api.GET("/api/cameras")) });
export const devicesQuery = queryOptions({ queryKey: ["devices"], queryFn: () => dataOf(api.GET("/api/devices")) });
export const gatewaysQuery = queryOptions({ queryKey: ["gateways"], queryFn: () => dataOf(api.GET("/api/gateways")) });
export const rulesQuery = queryOptions({ queryKey: ["rules"], queryFn: () => dataOf(api.GET("/api/rules")) });
export const schedulesQuery = queryOptions({
  queryKey: ["schedules"],
  queryFn: () => dataOf(api.GET("/api/schedules")),
});

export const openAlarmsQuery = queryOptions({
  queryKey: ["alarms", "open"],
  queryFn: () => dataOf(api.GET("/api/alarms", { params: { query: { state: "open", limit: 500 } } })),
});
export const pastAlarmsQuery = queryOptions({
  queryKey: ["alarms", "all"],
  queryFn: () => dataOf(api.GET("/api/alarms", { params: { query: { state: "all", limit: 500 } } })),
});

export const alarmQuery = (id: number) =>
  queryOptions({
    queryKey: ["alarm", id],
    queryFn: () => dataOf(api.GET("/api/alarms/{alarm}", { params: { path: { alarm: id } } })),
  });

export const lanePassagesQuery = queryOptions({
  queryKey: ["passages", "lanes"],
  queryFn: () => dataOf(api.GET("/api/passages", { params: { query: { lane: true, limit: 21 } } })),
});
export const doorPassagesQuery = (door: string) =>
  queryOptions({
    queryKey: ["passages", "door", door],
    queryFn: () => dataOf(api.GET("/api/passages", { params: { query: { door, limit: 50 } } })),
  });

export const deviceQuery = (id: string) =>
  queryOptions({
    queryKey: ["device", id],
    queryFn: () => dataOf(api.GET("/api/devices/{device}", { params: { path: { device: id } } })),
  });

export const historyQuery = (point: number, fromMs: number, toMs: number) =>
  queryOptions({
    queryKey: ["history", point, fromMs, toMs],
    queryFn: () =>
      dataOf(
        api.GET("/api/points/{point}/history", {
          params: { path: { point }, query: { from_ms: fromMs, to_ms: toMs, buckets: 300 } },
        }),
      ),
  });

export const energyQuery = queryOptions({
  queryKey: ["energy"],
  queryFn: () => dataOf(api.GET("/api/energy")),
  refetchInterval: 10_000,
});

export const ruleQuery = (id: string) =>
  queryOptions({
    queryKey: ["rule", id],
    queryFn: () => dataOf(api.GET("/api/rules/{rule}", { params: { path: { rule: id } } })),
  });
export const ruleVersionsQuery = (id: string) =>
  queryOptions({
    queryKey: ["rule-versions", id],
    queryFn: () => dataOf(api.GET("/api/rules/{rule}/versions", { params: { path: { rule: id } } })),
  });

export const personQuery = (id: string) =>
  queryOptions({
    queryKey: ["person", id],
    queryFn: () => dataOf(api.GET("/api/people/{person}", { params: { path: { person: id } } })),
  });

export const commandQuery = (id: string) =>
  queryOptions({
    queryKey: ["command", id],
    queryFn: () => dataOf(api.GET("/api/commands/{command}", { params: { path: { command: id } } })),
  });

export const eventsQuery = (kind: string) =>
  queryOptions({
    queryKey: ["events", kind],
    queryFn: () => dataOf(api.GET("/api/events", { params: { query: { kind, limit: 500 } } })),
  });
export const quarantineQuery = queryOptions({
  queryKey: ["quarantine"],
  queryFn: () => dataOf(api.GET("/api/quarantine")),
});
export const auditQuery = (q: string) =>
  queryOptions({
    queryKey: ["audit", q],
    queryFn: () => dataOf(api.GET("/api/audit", { params: { query: { q, limit: 1000 } } })),
    staleTime: 5000,
  });
export const auditCheckQuery = queryOptions({
  queryKey: ["audit-check"],
  queryFn: () => dataOf(api.GET("/api/audit/check")),
});
export const usersQuery = queryOptions({ queryKey: ["users"], queryFn: () => dataOf(api.GET("/api/users")) });
