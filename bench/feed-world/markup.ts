const MARKUP = /[&<>"]/;

/** For text and attribute values, in XML and HTML alike. */
export function escapeMarkup(text: string): string {
  if (!MARKUP.test(text)) return text;
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** `]]>` cannot stand in a CDATA section (XML 1.0 section 2.7): it is divided between two. */
export function cdata(text: string): string {
  return `<![CDATA[${text.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`;
}
