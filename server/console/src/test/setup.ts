import { cleanup, configure } from "@testing-library/react";
import { afterEach } from "vitest";
import "../i18n";

afterEach(cleanup);

// Pages load lazily, and two slow cores may be busy.
configure({ asyncUtilTimeout: 8_000 });

// Ant Design asks for media queries; the test browser has no layout.
globalThis.matchMedia ??= ((query: string) => ({
  matches: false,
  media: query,
  onchange: null,
  addListener: () => {},
  removeListener: () => {},
  addEventListener: () => {},
  removeEventListener: () => {},
  dispatchEvent: () => false,
})) as typeof globalThis.matchMedia;
