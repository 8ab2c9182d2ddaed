import t from 'tap';
import { attribute, html, NOTHING, trusted } from '../../site/pages/html.ts';

t.test('what is put into a template is escaped, in text and in attributes', async (t) => {
  const evil = `<script>alert("x")</script>'&`;
  t.equal(
    html`<a title="${evil}">${evil}</a>`.text,
    '<a title="&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&#39;&amp;">&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&#39;&amp;</a>',
  );
});

t.test('templates nest, lists join, and nothing stays nothing', async (t) => {
  const items = ['a', '<b>'].map((item) => html`<li>${item}</li>`);
  t.equal(html`<ul>${items}</ul>`.text, '<ul><li>a</li><li>&lt;b&gt;</li></ul>');
  t.equal(html`${null}${undefined}${false}${NOTHING}${0}`.text, '0');
});

t.test('only what was sanitized before goes in as it is', async (t) => {
  t.equal(html`${trusted('<em>x</em>')}`.text, '<em>x</em>');
});

t.test('an object that only looks safe is escaped', async (t) => {
  const forged = { text: '<script>' } as unknown as string;
  t.throws(() => html`${forged}`, 'it is no list and no text');
});

t.test('an attribute without a value is left out', async (t) => {
  t.equal(html`<p${attribute('lang', null)}${attribute('dir', 'auto')}>`.text, '<p dir="auto">');
  t.equal(attribute('lang', '"><script>').text, ' lang="&quot;&gt;&lt;script&gt;"');
});
