/** How the report of a test crawl looks: on a phone, in the dark, on paper. It goes into the page: the report is one file. */
export const REPORT_STYLE = `
:root{color-scheme:light dark;--paper:#fbfaf7;--raised:#fff;--line:#dedad0;--ink:#1c2124;--soft:#575e64;--accent:#0d5c6b;--ok:#2f7d6b;--quiet:#b9c3bf;--bad:#b4451c;--ok-soft:#e3f1ec;--bad-soft:#fbeae1;--mid-soft:#f3efe2}
@media(prefers-color-scheme:dark){:root{--paper:#14181a;--raised:#1b2023;--line:#333b40;--ink:#e5e6e2;--soft:#a3acb0;--accent:#7fcbd8;--ok:#58b79f;--quiet:#56636a;--bad:#ef8a5c;--ok-soft:#17322b;--bad-soft:#3a2117;--mid-soft:#2b2a20}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:400 1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;overflow-wrap:anywhere}
main,header,footer{max-width:64rem;margin-inline:auto;padding-inline:clamp(1rem,4vw,2rem)}
header{padding-top:clamp(1.25rem,4vw,2.5rem)}
h1{margin:0;font-size:clamp(1.5rem,5vw,2rem);line-height:1.2}
h2{margin:2.5rem 0 .75rem;font-size:1.3rem;line-height:1.25}
h3{margin:1.75rem 0 .5rem;font-size:1.05rem}
p{margin:.5rem 0}
a{color:var(--accent)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:3px}
code{font:.875em ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
.soft{color:var(--soft);font-weight:400}
.verdict{margin:1.25rem 0;padding:.9rem 1.1rem;border-radius:10px;border-left:6px solid var(--soft);background:var(--mid-soft)}
.verdict.fine{border-color:var(--ok);background:var(--ok-soft)}
.verdict.differing{border-color:var(--bad);background:var(--bad-soft)}
.verdict strong{font-size:1.15rem}
.verdict ul{margin:.4rem 0 0;padding-left:1.2rem}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,20rem),1fr));gap:.35rem 2rem;margin:1rem 0}
.facts div{display:flex;gap:.75rem;border-bottom:1px solid var(--line);padding:.3rem 0}
.facts dt{color:var(--soft);flex:0 0 6.5rem}
.facts dd{margin:0;min-width:0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(7.5rem,1fr));gap:.75rem;padding:0;margin:1rem 0;list-style:none}
.tiles li{background:var(--raised);border:1px solid var(--line);border-radius:10px;padding:.7rem .9rem}
.tiles b{display:block;font-size:1.5rem;line-height:1.2;font-variant-numeric:tabular-nums}
.tiles span{color:var(--soft);font-size:.9rem}
.tiles .bad b{color:var(--bad)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr));gap:1rem 2rem}
figure{margin:1rem 0;min-width:0}
figcaption{display:flex;justify-content:space-between;gap:1rem;color:var(--soft);font-size:.9rem}
figcaption b{color:var(--ink);font-weight:600}
svg{display:block;width:100%}
.chart svg{height:7rem;margin-top:.35rem;border-bottom:1px solid var(--soft)}
.shares svg{height:1.1rem;border-radius:5px}
.axis{display:flex;justify-content:space-between;color:var(--soft);font-size:.8rem}
.ok{fill:var(--ok);background:var(--ok)}
.soft-part{fill:var(--quiet);background:var(--quiet)}
rect.bad,i.bad{fill:var(--bad);background:var(--bad)}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;margin:.5rem 0 0;padding:0;list-style:none;font-size:.9rem}
.legend i{display:inline-block;width:.8em;height:.8em;border-radius:3px;margin-right:.4em}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.95rem}
caption{text-align:left;color:var(--soft);padding-bottom:.3rem}
th,td{text-align:left;vertical-align:top;padding:.35rem .9rem .35rem 0;overflow-wrap:break-word;border-bottom:1px solid var(--line)}
th{font-weight:600}
thead th{color:var(--soft);font-weight:500;font-size:.85rem;white-space:nowrap}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
thead .n{padding-left:.5rem}
.wide{min-width:9rem;overflow-wrap:anywhere}
.warn{color:var(--bad);font-weight:600}
details{margin:.75rem 0;border:1px solid var(--line);border-radius:10px;background:var(--raised);padding:0 1rem}
summary{cursor:pointer;padding:.7rem 0;font-weight:600}
details[open]{padding-bottom:.75rem}
ins,del{text-decoration:none;display:block;border-radius:4px;padding:.1rem .4rem;margin:.1rem 0;font:.82rem/1.45 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
ins{background:var(--ok-soft)}
del{background:var(--bad-soft)}
footer{padding-block:2.5rem;color:var(--soft);font-size:.9rem}
@media(max-width:40rem){.stack thead{display:none}.stack tr{display:block;padding:.5rem 0;border-bottom:1px solid var(--line)}.stack th,.stack td{display:block;padding:.1rem 0;border:0}}
@media print{details{break-inside:avoid}body{background:#fff}}
`;
