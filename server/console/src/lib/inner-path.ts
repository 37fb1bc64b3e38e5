/**
 * A path of this console, or the overview: any other address could lead a fresh log-in to a stranger's page.
 * Browsers read `//host` and `/\\host` as addresses of another host.
 */
export function innerPath(path: string | undefined): string {
  if (!path || !/^\/(?![/\\])/.test(path)) return "/";
  const { origin } = window.location;
  return new URL(path, origin).origin === origin ? path : "/";
}
