// Starts aimock with the fixtures of the file named on the command line, on a free
// port of loopback; prints "ready URL"; ends when its standard input ends, so that
// it can't outlive the tests.
import { LLMock } from "@copilotkit/aimock";

const mock = new LLMock({ port: 0, host: "127.0.0.1", chunkSize: 7, logLevel: "silent" });
mock.loadFixtureFile(process.argv[2]);
await mock.start();
console.log(`ready ${mock.url}`);

process.stdin.resume();
process.stdin.on("end", async () => {
  await mock.stop();
  process.exit(0);
});
