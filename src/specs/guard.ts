import { createContext, Script } from 'node:vm';

/** Runs tasks that are ended, with undefined as their result, when they take longer than this many ms. */
export function createGuard(timeout: number): <T>(task: () => T) => T | undefined {
  const context = createContext({ run: undefined });
  const script = new Script('run()');
  return <T>(task: () => T): T | undefined => {
    context.run = task;
    try {
      return script.runInContext(context, { timeout }) as T;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
      return undefined;
    } finally {
      context.run = undefined;
    }
  };
}
