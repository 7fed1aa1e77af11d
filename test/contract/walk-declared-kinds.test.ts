import { DECLARED } from './contracts';
import { walk } from './walk';

walk(DECLARED);
