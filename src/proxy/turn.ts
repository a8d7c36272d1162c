/**
 * The end of a turn of the event loop: when all that had arrived by its beginning has been read. What is written then,
 * for all connections together, costs much less than each answer at its moment (docs/performance.md): who is written
 * to first is woken up, and is still awake for the rest. Nobody waits for it, as a turn lasts as long as there is
 * something to do.
 */

export interface Task {
  turnEnds(): void;
}

let tasks: Task[] = [];

/** Calls a task at the end of this turn, once for each time it is given. */
export function atTurnEnd(task: Task): void {
  if (tasks.push(task) === 1) setImmediate(run);
}

function run(): void {
  const now = tasks;
  tasks = [];
  for (const task of now) {
    try {
      task.turnEnds();
    } catch (error) {
      // An error that nobody expected is the process's; the other tasks have nothing to do with it.
      process.nextTick(() => { throw error; });
    }
  }
}
