// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// usage: node sarif.js MODULES FILE...   holds SARIF files against the schema of OASIS (in MODULES, from npm)
"use strict";
const fs = require("fs");
const path = require("path");
const modules = process.argv[2];
const Ajv = require(path.join(modules, "ajv"));
const folder = path.join(modules, "@microsoft/jest-sarif/lib/schemas");
const schema = JSON.parse(fs.readFileSync(path.join(folder, fs.readdirSync(folder).find((f) => /^sarif-2\.1\.0.*\.json$/.test(f)))));
delete schema.$schema; // draft 4, which this Ajv reads without knowing its name
const ajv = new Ajv({ schemaId: "id", unknownFormats: "ignore", meta: false, validateSchema: false });
const validate = ajv.compile(schema);
let bad = 0;
for (const file of process.argv.slice(3)) {
	if (validate(JSON.parse(fs.readFileSync(file)))) continue;
	bad++;
	console.error(file + ": " + JSON.stringify(validate.errors, null, 1));
}
if (validate({ version: "2.1.0" })) {
	bad++;
	console.error("the schema takes anything");
}
process.exit(bad ? 1 : 0);
