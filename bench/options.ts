import { parseArgs } from 'node:util';

export interface Options {
  smoke: boolean;
  only: readonly string[] | undefined;
  rounds: number;
  seconds: number;
  processes: number;
  document: boolean;
}

const USAGE = `Usage: npm run bench -- [options]

  --only NAME      workloads to run, by name, comma separated (default: all)
  --rounds N       rounds, of which the medians are shown (default: 5)
  --seconds N      how long each workload is measured in a round (default: 3)
  --processes N    processes of the product (default: 1)
  --document       put the table into docs/performance.md
  --smoke          a small fleet and a few requests per workload: does everything run? No figure counts.`;

/** Reads the arguments of the command line; wrong ones end the process with the usage. */
export function readOptions(known: readonly string[]): Options {
  try {
    const { values } = parseArgs({
      options: {
        smoke: { type: 'boolean', default: false },
        only: { type: 'string' },
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        processes: { type: 'string' },
        document: { type: 'boolean', default: false },
      },
    });
    const only = values.only?.split(',');
    const unknown = only?.find((name) => !known.includes(name));
    if (unknown !== undefined) {
      throw new Error(`There is no workload '${unknown}', but ${known.join(', ')}.`);
    }
    return {
      ...{ smoke: values.smoke, document: values.document, only },
      rounds: positive('rounds', values.rounds, values.smoke ? 1 : 5),
      seconds: positive('seconds', values.seconds, 3),
      processes: positive('processes', values.processes, 1),
    };
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}

export function positive(name: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (!(value > 0)) throw new Error(`--${name} must be a number above 0.`);
  return value;
}
