// `componentize-js` as its README has it: `starlingmonkey.mjs SOURCE WIT OUT`.

import { writeFile } from 'node:fs/promises';
import { componentize } from '@bytecodealliance/componentize-js';

const [sourcePath, witPath, out] = process.argv.slice(2);
const { component } = await componentize({ sourcePath, witPath, worldName: 'tool' });
await writeFile(out, component);
