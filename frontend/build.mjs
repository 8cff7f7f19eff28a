// Builds the panel and the card into the one file that the integration serves.
//
// Its first line carries the hash of what it was built from; tests/contract asks for it,
// so that nobody has to have Node to see that a build was forgotten.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";

const HERE = new URL("./", import.meta.url);
const read = (name) => readFileSync(new URL(name, HERE), "utf8");

const sources = [
  "build.mjs",
  "package.json",
  "package-lock.json",
  ...readdirSync(new URL("src/", HERE)).map((name) => `src/${name}`),
].sort();
const hash = createHash("sha256");
for (const name of sources) hash.update(`${name}\0${read(name)}\0`);

/** Makes what stands in css`...` small; there are no expressions in ours. */
const smallStyles = {
  name: "small-styles",
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]frontend[/\\]src[/\\].*\.js$/ }, async ({ path }) => {
      let contents = await readFile(path, "utf8");
      for (const [whole, rules] of contents.matchAll(/\bcss`([^`]*)`/g)) {
        const { code } = await transform(rules, { loader: "css", minify: true });
        contents = contents.replace(whole, () => `css\`${code.trim()}\``);
      }
      return { contents, loader: "js" };
    });
  },
};

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL("src/main.js", HERE))],
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  conditions: ["production"],
  plugins: [smallStyles],
  write: false,
});

const notice = [
  `/*! Built by scripts/frontend from frontend/; sources: ${hash.digest("hex")}`,
  "",
  "Nightlatch: Apache License 2.0.",
  "Material Design Icons: Apache License 2.0, https://pictogrammers.com/docs/general/license/",
  "",
  `Lit:\n\n${read("node_modules/lit/LICENSE").trim()}`,
  "*/",
].join("\n");
// Once it is minified, lines end within templates only: between elements nothing is
// needed there, as they are laid out with gaps, and elsewhere a blank is as good.
const code = outputFiles[0].text
  .trim()
  .replace(/([>}])\n\s+(?=[<$])/g, "$1")
  .replace(/\n\s+(?=>)/g, "")
  .replace(/\n\s+/g, " ");
writeFileSync(
  new URL("../custom_components/nightlatch/frontend/nightlatch.js", HERE),
  `${notice}\n${code}\n`,
);
