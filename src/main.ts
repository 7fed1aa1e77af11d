#!/usr/bin/env node
import { ConfigError, describeConfig, loadConfig } from './config/config';
import { createLogger, type Logger } from './telemetry/log';
import { packageVersion } from './config/package-root';
import { handleStopSignals } from './stop-signals';
import { startTracing } from './telemetry/tracing';

const USAGE = `hyperfleet-api ${packageVersion}

Usage: hyperfleet-api [command]

  serve        serve requests until SIGTERM or SIGINT (default)
  migrate      bring the database schema up to date
  reaggregate  recompute the conditions of all resources, after a change of the required adapters
  contract     print the contract with the configured kinds, as JSON or, with --yaml, as YAML
  watch        print a list of a running service and its changes; 'watch --help' tells more
  config       print the effective configuration, with secrets masked
  version      print the version
  help         print this help
`;

async function main(command: string, args: string[]): Promise<void> {
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
      return command === 'migrate' ? migrate(config, log) : reaggregate(config, log, args);
    }
    case 'contract': {
      // The output is the document alone.
      const quiet = createLogger({ level: 'error', format: 'text' });
      const { printContract } = await import('./print-contract.js');
      return printContract(config, quiet, args);
    }
    case 'config':
      console.log(JSON.stringify(describeConfig(config), null, 2));
      return;
    default:
      console.error(`Unknown command '${command}'.\n\n${USAGE}`);
      process.exitCode = 2;
  }
}

// A reader that goes away or a full disk costs output, never the service.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const [command = 'serve', ...args] = process.argv.slice(2);
if (command === 'version') {
  console.log(packageVersion);
} else if (['help', '--help', '-h'].includes(command)) {
  console.log(USAGE);
} else if (command === 'watch') {
  // A client of a service elsewhere: the configuration here is not its own.
  handleStopSignals();
  void import('./watch-command.js').then(({ watchCommand }) => watchCommand(args));
} else {
  main(command, args).catch((error: unknown) => {
    const known = error instanceof ConfigError || process.env.LOG_LEVEL !== 'debug';
    console.error(known && error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
