// node build.mjs WIT OUTPUT: bundles extractor.js and makes a component of it that imports nothing.
import { readFile, writeFile } from "node:fs/promises";
import { build } from "esbuild";
import { componentize } from "@bytecodealliance/componentize-js";

const [wit, output] = process.argv.slice(2);
await build({ entryPoints: ["extractor.js"], bundle: true, format: "esm", outfile: "bundle.js" });
const { component } = await componentize(await readFile("bundle.js", "utf8"), {
    witPath: wit,
    worldName: "extractor",
    // What each of these needs would be imported.
    disableFeatures: ["random", "stdio", "clocks", "http", "fetch-event"],
});
await writeFile(output, component);
