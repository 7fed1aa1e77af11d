import { stopRun } from './database-server';

export = stopRun;
