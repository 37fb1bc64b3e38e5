import { createContext, useContext } from "react";
import type { Role, Session } from "../api/types";

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("this page needs a session");
  return session;
}

/**
 * The server's operations that the console offers something for. The server decides again on every call; here the
 * table only keeps useless buttons away.
 */
export type Permission =
  | "send_feedback"
  | "read_feedback"
  | "manage_organisation"
  | "run_loop"
  | "do_task"
  | "read_tasks"
  | "read_outbox"
  | "read_plugins"
  | "manage_plugins"
  | "grant_plugins"
  | "manage_access";

const GRANTED: Record<Role, readonly Permission[]> = {
  admin: [
    "send_feedback",
    "read_feedback",
    "manage_organisation",
    "run_loop",
    "do_task",
    "read_tasks",
    "read_outbox",
    "read_plugins",
    "manage_plugins",
    "grant_plugins",
    "manage_access",
  ],
  voc_owner: [
    "send_feedback",
    "read_feedback",
    "manage_organisation",
    "run_loop",
    "do_task",
    "read_tasks",
    "read_outbox",
    "read_plugins",
  ],
  department_owner: ["do_task", "read_tasks"],
  analyst: ["read_feedback", "read_tasks", "read_plugins"],
  integrator: ["send_feedback", "read_plugins", "manage_plugins"],
  viewer: ["read_tasks"],
};

export function may(role: Role, permission: Permission): boolean {
  return GRANTED[role].includes(permission);
}

export function useMay(permission: Permission): boolean {
  return may(useSession().user.role, permission);
}
