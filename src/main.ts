#!/usr/bin/env node
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { ConfigError, describeConfig, loadConfig } from './config/config';
import { createLogger, type Logger } from './telemetry/log';
import { packageVersion } from './config/package-root';
import { handleStopSignals } from './stop-signals';
import { startTracing } from './telemetry/tracing';

const USAGE = `hyperfleet-api ${packageVersion}

Usage: hyperfleet-api [command] [options]

  serve        serve requests until SIGTERM or SIGINT (default)
  migrate      bring the database schema up to date
  reaggregate  recompute the conditions of all resources, after a change of the required adapters
                 --after <id>  continue an interrupted run
  contract     print the contract with the configured kinds
                 --yaml        as YAML; without it, as JSON
  watch        print a list of a running service and its changes; see 'watch --help'
  config       print the configuration as read, with secrets masked
  version      print the version
  help         print this help
`;

type Options = NonNullable<ParseArgsConfig['options']>;

const COMMANDS: Readonly<Record<string, Options>> = {
  serve: {},
  migrate: {},
  reaggregate: { after: { type: 'string' } },
  contract: { yaml: { type: 'boolean' } },
  config: {},
  version: {},
  help: {},
};

interface Values {
  after?: string;
  yaml?: boolean;
}

/** Reads the whole command line before anything is done. @returns undefined when it asks for help */
function readOptions(command: string, args: string[]): Values | undefined {
  const known = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
  if (known === undefined) throw new Error(`Unknown command '${command}'.`);
  const options: Options = { ...known, help: { type: 'boolean', short: 'h' } };
  const { values } = parseArgs({ args, options });
  return command === 'help' || values.help ? undefined : values;
}

async function run(command: string, { after, yaml }: Values): Promise<void> {
  if (command === 'version') {
    console.log(packageVersion);
    return;
  }
  const config = loadConfig();
  const log: Logger = createLogger({
    level: config.logLevel,
    format: config.logFormat ?? (process.stdout.isTTY ? 'text' : 'json'),
  });
  handleStopSignals();
  switch (command) {
    case 'serve': {
      // Tracing wraps what `serve` imports.
      await startTracing();
      const { serve } = await import('./serve.js');
      return serve(config, log);
    }
    case 'migrate':
    case 'reaggregate': {
      const { migrate, reaggregate } = await import('./maintenance.js');
      return command === 'migrate' ? migrate(config, log) : reaggregate(config, log, after);
    }
    case 'contract': {
      // The output is the document alone.
      const quiet = createLogger({ level: 'error', format: 'text' });
      const { printContract } = await import('./print-contract.js');
      return printContract(config, quiet, yaml);
    }
    case 'config':
      console.log(JSON.stringify(describeConfig(config), null, 2));
  }
}

async function main([first = 'serve', ...rest]: string[]): Promise<void> {
  if (first === 'watch') {
    // A client of a service elsewhere: the configuration here is not its own.
    handleStopSignals();
    const { watchCommand } = await import('./watch-command.js');
    return watchCommand(rest);
  }
  const [command, args] = first.startsWith('-') ? ['serve', [first, ...rest]] : [first, rest];
  let values: Values | undefined;
  try {
    values = readOptions(command, args);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  if (values === undefined) console.log(USAGE);
  else await run(command, values);
}

// A reader that goes away or a full disk costs output, never the service.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

main(process.argv.slice(2)).catch((error: unknown) => {
  const known = error instanceof ConfigError || process.env.LOG_LEVEL !== 'debug';
  console.error(known && error instanceof Error ? error.message : error);
  // Whatever is open already would keep the process alive.
  process.exit(1);
});
