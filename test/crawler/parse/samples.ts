/** Whole, small feeds of every format, for tests that break them. */
export const SAMPLES: readonly string[] = [
  `<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:media="http://search.yahoo.com/mrss/" xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>Harbour &amp; Quay</title>
<link>https://harbour.example/</link><description>News</description><ttl>60</ttl><atom:link rel="self" href="/feed"/>
<item><title>One</title><link>https://harbour.example/1</link><guid isPermaLink="false">1</guid>
<pubDate>Tue, 03 Jun 2003 09:39:21 GMT</pubDate><dc:creator>Ada</dc:creator><category>Sea</category>
<description>Short &lt;b&gt;text&lt;/b&gt;</description><content:encoded><![CDATA[<p>Long <a href="/x">text</a></p>]]></content:encoded>
<enclosure url="https://harbour.example/1.mp3" length="123" type="audio/mpeg"/></item>
<item><title>Two</title><guid>https://harbour.example/2</guid><media:group><media:content url="https://harbour.example/2.mp4"/>
<media:description>Film</media:description></media:group></item></channel></rss>`,
  `<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en" xml:base="https://atoms.example/"><title type="html">Atoms &amp;amp; bits</title>
<id>urn:feed</id><updated>2005-07-31T12:29:29Z</updated><link href="/"/><author><name>Mark</name></author>
<entry><id>tag:atoms.example,2003:1</id><title>Quarks</title><link rel="alternate" type="text/html" href="quarks"/>
<updated>2005-07-31T12:29:29Z</updated><category term="physics" label="Physics"/><summary>Three</summary>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p><i>Up</i>, <b>down</b></p></div></content></entry>
<entry><id>tag:atoms.example,2003:2</id><title>Less</title><content type="html">&lt;p&gt;A&lt;/p&gt;</content></entry></feed>`,
  `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel rdf:about="http://rdf.example/"><title>Triples</title><link>http://rdf.example/</link><description>In RDF</description></channel>
<item rdf:about="http://rdf.example/1"><title>Subject</title><link>http://rdf.example/1</link><dc:date>2004-02-29</dc:date></item></rdf:RDF>`,
  JSON.stringify({
    version: 'https://jsonfeed.org/version/1.1',
    title: 'JSON',
    home_page_url: 'https://j.example/',
    authors: [{ name: 'Jay' }],
    items: [
      { id: '1', url: 'https://j.example/1', content_html: '<p>html</p>', tags: ['a'] },
      { id: '2', content_text: 'text', attachments: [{ url: 'https://j.example/1.m4a', mime_type: 'audio/x-m4a' }] },
    ],
  }),
];
