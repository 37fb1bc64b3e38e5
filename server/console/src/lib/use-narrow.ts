import { useSyncExternalStore } from "react";

const QUERY = "(max-width: 640px)";

function subscribe(notify: () => void): () => void {
  const media = window.matchMedia(QUERY);
  media.addEventListener("change", notify);
  return () => media.removeEventListener("change", notify);
}

/** Whether the window is as narrow as a phone; charts need to know, stylesheets know by themselves. */
export function useNarrow(): boolean {
  return useSyncExternalStore(subscribe, () => window.matchMedia(QUERY).matches);
}
