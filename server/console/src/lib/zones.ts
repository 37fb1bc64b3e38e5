/** Time zones the browser knows, for select boxes. */
export function zoneOptions(): Array<{ value: string; label: string }> {
  return Intl.supportedValuesOf("timeZone").map((zone) => ({ value: zone, label: zone }));
}
