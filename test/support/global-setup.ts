import { startRun } from './database-server';

// jest wants a default export from its hooks in ES modules; in CommonJS the exported value itself.
export = startRun;
