import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The product without one of its techniques: what that one is worth. */
export interface Variant {
  title: string;
  /** Changes to the build: a file below dist/src, and what in it becomes what. */
  patches?: readonly (readonly [file: string, find: string, replace: string])[];
  env?: Record<string, string>;
  nodeArguments?: readonly string[];
}

export const VARIANTS: readonly Variant[] = [
  { title: 'the product' },
  {
    title: 'reads and short lists by the pool instead of shared pipelined connections',
    patches: [['db/connect.js', 'if (settings.preparedStatements) {', 'if (false) {']],
  },
  {
    title: 'no named statements either',
    env: { DATABASE_PREPARED_STATEMENTS: 'false' },
  },
  {
    title: 'a system call for each query of a pipelined connection',
    patches: [['db/pipelined-readers.js', 'if (reader.corked)', 'if (true)']],
  },
  {
    title: "answers by pg's own promise",
    patches: [
      [
        'db/send-query.js',
        'return new Promise(',
        'return client.query(query); return new Promise(',
      ],
    ],
  },
  {
    title: 'the SQL of a list built for every request',
    patches: [['db/list.js', 'if (known !== undefined)', 'if (false)']],
  },
  {
    title: 'a statement for each create',
    patches: [['db/resources.js', 'draft.specJson.length,', 'Infinity,']],
  },
  {
    title: 'a statement for each report',
    patches: [['db/statuses.js', 'lengthOf(write),', 'Infinity,']],
  },
  {
    title: 'no preset prototypes (Node 20)',
    patches: [['http/preset-prototypes.js', '>= 22', '>= 0']],
  },
  {
    title: 'as much room for young objects as V8 takes in a container of 512 MB',
    nodeArguments: ['--max-semi-space-size=1'],
  },
  {
    title: "Express's own way to send JSON",
    patches: [
      [
        'http/fields.js',
        'res.json = (body) => {',
        'if (paths !== undefined) res.json = (body) => {',
      ],
    ],
  },
  {
    title: 'times of answers validated the usual way',
    patches: [['http/contract.js', 'if (CANONICAL.test(text))', 'if (false)']],
  },
  {
    title: 'a system call for each line of the log',
    patches: [
      ['log.js', 'this.timer ??= setTimeout(() => this.flush(), FLUSH_MS);', 'this.flush();'],
    ],
  },
  {
    title: 'no validation of answers (for scale: it stays on)',
    patches: [['app.js', 'app.use(contract.validateResponse);', '']],
  },
  {
    title: 'no request log (for scale: it stays on)',
    patches: [['http/request-context.js', "log.info('request'", "(() => undefined)('request'"]],
  },
];

const ROOT = join(__dirname, '..');
const LINKED = ['node_modules', 'migrations', 'openapi', 'generated', 'package.json'];

/** A copy of the build with the patches of a variant. @returns its program */
export function makeVariant(directory: string, { title, patches = [] }: Variant): string {
  mkdirSync(directory, { recursive: true });
  for (const name of LINKED) symlinkSync(join(ROOT, name), join(directory, name));
  cpSync(join(ROOT, 'dist'), join(directory, 'dist'), { recursive: true });
  for (const [name, find, replace] of patches) {
    const file = join(directory, 'dist', 'src', name);
    const text = readFileSync(file, 'utf8');
    if (!text.includes(find))
      throw new Error(`'${title}' cannot be made: ${name} has no '${find}'`);
    writeFileSync(
      file,
      text.replace(find, () => replace),
    );
  }
  return join(directory, 'dist', 'src', 'main.js');
}
