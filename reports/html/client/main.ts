/** The page's script. Everything it adds is beyond what the page says without it. */
import { startCases } from './cases.ts';
import { startFindings } from './findings.ts';
import { startMatrix } from './matrix.ts';
import { startPanel } from './panel.ts';

document.documentElement.classList.add('script');
startMatrix();
startFindings();
startPanel();
startCases();
