/** Screens, who may see them, and each role's own first. */
import { lazy, type ComponentType } from "react";
import {
  AlertOutlined, AppstoreOutlined, AuditOutlined, CameraOutlined, ClusterOutlined, DatabaseOutlined, HeartOutlined,
  IdcardOutlined, LoginOutlined, NodeIndexOutlined, TeamOutlined, ThunderboltOutlined, UnorderedListOutlined,
  UserSwitchOutlined,
} from "@ant-design/icons";
import type { Me, Role } from "../api/shapes";

export type ScreenName =
  | "overview" | "alarms" | "gate" | "doors" | "cameras" | "energy" | "devices" | "gateways" | "rules" | "people"
  | "events" | "users" | "audit" | "health";

interface Screen {
  icon: ComponentType;
  page: ComponentType;
}

export const SCREENS: Record<ScreenName, Screen> = {
  overview: { icon: AppstoreOutlined, page: lazy(() => import("../screens/overview/screen")) },
  alarms: { icon: AlertOutlined, page: lazy(() => import("../screens/alarms/screen")) },
  gate: { icon: LoginOutlined, page: lazy(() => import("../screens/gate/screen")) },
  doors: { icon: IdcardOutlined, page: lazy(() => import("../screens/doors/screen")) },
  cameras: { icon: CameraOutlined, page: lazy(() => import("../screens/cameras/screen")) },
  energy: { icon: ThunderboltOutlined, page: lazy(() => import("../screens/energy/screen")) },
  devices: { icon: DatabaseOutlined, page: lazy(() => import("../screens/devices/screen")) },
  gateways: { icon: ClusterOutlined, page: lazy(() => import("../screens/gateways/screen")) },
  rules: { icon: NodeIndexOutlined, page: lazy(() => import("../screens/rules/screen")) },
  people: { icon: TeamOutlined, page: lazy(() => import("../screens/people/screen")) },
  events: { icon: UnorderedListOutlined, page: lazy(() => import("../screens/events/screen")) },
  users: { icon: UserSwitchOutlined, page: lazy(() => import("../screens/users/screen")) },
  audit: { icon: AuditOutlined, page: lazy(() => import("../screens/audit/screen")) },
  health: { icon: HeartOutlined, page: lazy(() => import("../screens/health/screen")) },
};

const BY_ROLE: Record<Role, ScreenName[]> = {
  security: ["overview", "alarms", "doors", "cameras", "gate", "people", "events", "rules", "energy"],
  gate: ["gate", "alarms", "doors", "cameras", "overview"],
  facilities: ["energy", "rules", "alarms", "devices", "overview"],
  installer: ["devices", "gateways", "alarms", "events", "health", "overview"],
  admin: [
    "overview", "alarms", "gate", "doors", "cameras", "energy", "devices", "gateways", "rules", "people", "events", "users", "audit",
    "health",
  ],
};

/** The screens of a user, the first role's first. */
export function menuOf(me: Me): ScreenName[] {
  return [...new Set(me.roles.flatMap((role) => BY_ROLE[role]))];
}
