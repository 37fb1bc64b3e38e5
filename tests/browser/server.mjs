// The program under test, with the demo's organisation in a folder of its own.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const binary = process.env.BIHUAN_BIN ?? resolve(import.meta.dirname, "../../target/debug/bihuan");

/** Starts `bihuan demo` on a free port and waits for its address and log-in. */
export const startDemo = () => start("demo", /demo on (http:\/\/\S+)/, /log-in: (\S+) \/ (\S+)/);

/** Starts `bihuan serve` on an empty folder. */
export const startServer = () => start("serve", /listens on (http:\/\/\S+)/, /first log-in, shown once: (\S+) \/ (\S+)/);

async function start(command, addressed, logged) {
  const folder = await mkdtemp(join(tmpdir(), "bihuan-browser-"));
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("BIHUAN_")));
  const child = spawn(binary, [command, "--listen", "127.0.0.1:0", "--data-dir", join(folder, "data")], {
    cwd: folder,
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  const stop = async () => {
    if (child.exitCode === null) {
      child.kill("SIGTERM");
      await new Promise((ended) => child.once("exit", ended));
    }
    await rm(folder, { recursive: true, force: true });
  };
  const started = new Promise((found, failed) => {
    const read = (chunk) => {
      said += chunk;
      const address = said.match(addressed)?.[1];
      const login = said.match(logged);
      if (address && login) found({ address, email: login[1], password: login[2] });
    };
    child.stdout.setEncoding("utf8").on("data", read);
    child.stderr.setEncoding("utf8").on("data", read);
    child.once("error", failed);
    child.once("exit", (code) => failed(new Error(`the program ended with ${code}:\n${said}`)));
    setTimeout(() => failed(new Error(`the program does not start:\n${said}`)), 300_000).unref();
  });
  try {
    return { ...(await started), folder, stop, log: () => said };
  } catch (error) {
    await stop();
    throw error;
  }
}
