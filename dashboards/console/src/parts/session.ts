import { useQuery } from "@tanstack/react-query";
import { meQuery } from "../api/queries";
import type { Role } from "../api/shapes";

/** Whether the user has one of these roles (an administrator may always). */
export function useMay(...roles: Role[]): boolean {
  const { data: me } = useQuery(meQuery);
  return me?.roles.some((role) => role === "admin" || roles.includes(role)) ?? false;
}
