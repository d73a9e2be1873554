import { runMatrix } from './run.ts';

runMatrix('modern', 'shared');
