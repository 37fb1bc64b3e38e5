import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/** Libraries that change seldom get chunks of their own, so that a new console version keeps them cached. */
const vendorChunks: Array<[name: string, packages: RegExp]> = [
  ["echarts", /node_modules\/(echarts|zrender|tslib)\//],
  ["react", /node_modules\/(react|react-dom|scheduler|@tanstack|i18next|react-i18next|openapi-fetch)\//],
];

export default defineConfig({
  plugins: [react()],
  server: {
    port: 5173,
    proxy: { "/api": process.env.BIHUAN_PROXY ?? "http://127.0.0.1:8080" },
  },
  build: {
    target: "es2022",
    // Nothing may be inlined as a data: URL script; the server's Content-Security-Policy forbids it.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      output: {
        advancedChunks: { groups: vendorChunks.map(([name, test]) => ({ name, test })) },
      },
    },
  },
  test: {
    environment: "happy-dom",
    setupFiles: ["src/test/setup.ts"],
    restoreMocks: true,
    testTimeout: 20_000,
  },
});
