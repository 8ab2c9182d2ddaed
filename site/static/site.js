// What pages gain where scripts run: buttons that do not reload the page, and the keyboard. Everything works without.

(() => {
  const rows = () => [...document.querySelectorAll('.rows [data-row]')];
  let here = null;

  for (const element of document.querySelectorAll('[data-needs-script]')) element.hidden = false;

  // What can be scrolled sideways can be reached by the keyboard, in browsers that do not see to it themselves.
  for (const element of document.querySelectorAll('.article-body :is(pre, table)')) {
    if (element.scrollWidth > element.clientWidth) element.tabIndex = 0;
  }

  // A notice is said once, not again after a reload.
  const address = new URL(location.href);
  if (address.searchParams.has('notice')) {
    address.searchParams.delete('notice');
    address.searchParams.delete('n');
    history.replaceState(null, '', address);
  }

  // One menu at a time; a click elsewhere or Escape closes it.
  document.addEventListener('click', (event) => {
    for (const menu of document.querySelectorAll('details.menu[open]')) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  document.addEventListener('submit', async (event) => {
    const form = event.target;
    const what = form.dataset.toggle;
    if (what === undefined) return;
    event.preventDefault();
    const body = new URLSearchParams(new FormData(form));
    try {
      const answer = await fetch(form.action, { method: 'POST', body, headers: { accept: 'application/json' } });
      if (!answer.ok) throw new Error(String(answer.status));
      show(form, what, body.get('on') === '1');
      showCounts((await answer.json()).counts);
    } catch {
      form.submit(); // The page that comes says what is wrong.
    }
  });

  function show(form, what, isOn) {
    const button = form.querySelector('button');
    button.setAttribute('aria-pressed', String(isOn));
    if (what === 'read') button.title = isOn ? 'Mark as unread' : 'Mark as read';
    else button.title = isOn ? 'Take the star away' : 'Star';
    form.elements.on.value = isOn ? '0' : '1';
    const row = form.closest('[data-row]');
    if (row !== null) row.dataset[what === 'read' ? 'read' : 'starred'] = isOn ? '1' : '0';
  }

  function showCounts(counts) {
    for (const element of document.querySelectorAll('[data-count]')) {
      const count = counts[element.dataset.count];
      if (count === undefined) continue;
      element.firstChild.data = String(count);
      element.hidden = count === 0;
    }
    document.title = document.title.replace(/^\(\d+\) /, counts.all > 0 ? `(${counts.all}) ` : '');
  }

  function move(step) {
    const all = rows();
    if (all.length === 0) return;
    const from = all.indexOf(here);
    const next = all[Math.min(Math.max(from + step, 0), all.length - 1)];
    here?.classList.remove('is-here');
    here = next;
    next.classList.add('is-here');
    next.querySelector('a')?.focus({ preventScroll: true });
    next.scrollIntoView({ block: 'nearest' });
  }

  const current = () => here ?? document.querySelector('article[data-row]');
  const press = (selector, within = current()) => within?.querySelector(selector)?.click();

  const KEYS = {
    j: () => move(1),
    k: () => move(-1),
    o: () => press('[data-open]'),
    v: () => press('[data-original]'),
    m: () => press('[data-toggle="read"] button, [data-do="read"]'),
    s: () => press('[data-toggle="star"] button'),
    n: () => press('[data-next]', document) ?? press('[data-open]', document.querySelector('.rows [data-read="0"]')),
    g: () => press('[data-back]', document),
    '?': () => {
      const keys = document.querySelector('.keys');
      keys.open = !keys.open;
      keys.scrollIntoView({ block: 'nearest' });
    },
    Escape: () => {
      for (const menu of document.querySelectorAll('details.menu[open]')) menu.open = false;
    },
  };

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest('input, textarea, select, [contenteditable], audio, video') !== null) return;
    const act = KEYS[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  });
})();
