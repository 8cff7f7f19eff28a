// What a client of TUF does that knows nothing of Nightlatch: pins a root, refreshes, and
// fetches one target. Usage: node read.cjs URL FOLDER TARGET; FOLDER has root.json in it.
const fs = require("node:fs");
const path = require("node:path");
const { Updater } = require("tuf-js");

async function main(url, folder, name) {
  const files = path.join(folder, "files");
  fs.mkdirSync(files);
  const updater = new Updater({
    metadataDir: folder,
    metadataBaseUrl: `${url}metadata`,
    targetDir: files,
    targetBaseUrl: `${url}targets`,
  });
  await updater.refresh();
  const target = await updater.getTargetInfo(name);
  if (target === undefined) throw new Error(`${name} is not offered`);
  process.stdout.write(fs.readFileSync(await updater.downloadTarget(target)));
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
