/**
 * Findings: opened when something links to them, walked with j and k, copied and saved with a button, all open on
 * paper.
 */
import { element } from './dom.ts';
import { isTyping } from './matrix.ts';

export function startFindings(): void {
  const findings = [...document.querySelectorAll<HTMLDetailsElement>('details.finding')];
  const openTarget = (): void => {
    const target = location.hash.startsWith('#finding-') ? document.getElementById(location.hash.slice(1)) : null;
    if (target instanceof HTMLDetailsElement) {
      target.open = true;
      target.scrollIntoView();
    }
  };
  window.addEventListener('hashchange', openTarget);
  openTarget();

  let current = -1;
  document.addEventListener('keydown', (event) => {
    if (
      !['j', 'k'].includes(event.key) ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      isTyping(event.target) ||
      document.querySelector('dialog[open]')
    )
      return;
    const next = current + (event.key === 'j' ? 1 : -1);
    const finding = findings[next];
    if (!finding) return;
    current = next;
    finding.open = true;
    finding.querySelector<HTMLElement>('summary')!.focus({ preventScroll: true });
    finding.scrollIntoView();
  });

  let opened: HTMLDetailsElement[] = [];
  window.addEventListener('beforeprint', () => {
    opened = findings.filter(({ open }) => !open);
    for (const finding of opened) finding.open = true;
  });
  window.addEventListener('afterprint', () => {
    for (const finding of opened) finding.open = false;
  });

  for (const box of document.querySelectorAll<HTMLElement>('.copyable')) box.append(tools(box));
}

function tools(box: HTMLElement): HTMLElement {
  const text = (): string => box.querySelector('pre')!.textContent!;
  const copy = element('button', { type: 'button' }, 'Copy');
  copy.addEventListener('click', () => {
    // Without clipboard access (a page opened from a file, say) the text is selected instead, ready for the reader's
    // own keys.
    const select = (): void => {
      getSelection()?.selectAllChildren(box.querySelector('pre')!);
      copy.textContent = 'Selected: now copy';
    };
    const copied = navigator.clipboard?.writeText(text());
    if (copied)
      copied.then(() => {
        copy.textContent = 'Copied';
      }, select);
    else select();
  });
  const row = element('div', { class: 'tools' }, copy);
  const name = box.dataset['file'];
  if (name !== undefined) {
    const save = element('button', { type: 'button' }, `Save ${name}`);
    save.addEventListener('click', () => {
      const url = URL.createObjectURL(new Blob([text()], { type: 'application/json' }));
      element('a', { href: url, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(url), 1000);
    });
    row.append(save);
  }
  return row;
}
