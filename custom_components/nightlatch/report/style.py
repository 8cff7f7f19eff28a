"""How the report looks: on a screen, on a phone, in the dark, and on paper."""

from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--back:#fff;
--card:#f6f8fa;--good:#116329;--bad:#a40e26;--wait:#7d4e00;--link:#0550ae}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9da7b1;--line:#3d444d;
--back:#0d1117;--card:#161b22;--good:#56d364;--bad:#ff7b72;--wait:#e3b341;--link:#79c0ff}}
*{box-sizing:border-box}
body{margin:0 auto;padding:2rem 1.25rem 3rem;max-width:54rem;background:var(--back);
color:var(--ink);font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
overflow-wrap:break-word}
h1{margin:0;font-size:1.7rem;line-height:1.2}
h2{margin:2.2rem 0 .6rem;font-size:1.2rem}
h3{margin:0;font-size:1.15rem}
h4{margin:1rem 0 .2rem;font-size:.95rem}
p{margin:.3rem 0}
a{color:var(--link)}
ul{margin:.2rem 0;padding-left:1.2rem}
.soft{color:var(--soft);font-size:.9rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.75rem;
margin:1.25rem 0 0;padding:0;list-style:none}
.tiles li{border:1px solid var(--line);border-radius:.6rem;padding:.7rem .9rem;
background:var(--card)}
.tiles b{display:block;font-size:1.6rem;line-height:1.2}
.scroll{overflow-x:auto}
table{width:100%;border-collapse:collapse;font-size:.92rem}
th,td{padding:.45rem .6rem .45rem 0;border-bottom:1px solid var(--line);text-align:left;
vertical-align:top}
th{font-weight:600}
th[scope=row],.advisories td:first-child{overflow-wrap:anywhere;min-width:7rem}
thead th{color:var(--soft)}
.lock{border:1px solid var(--line);border-radius:.6rem;padding:1rem 1.2rem;
margin:1rem 0}
.good{color:var(--good)}.bad{color:var(--bad)}.wait{color:var(--wait)}
.mark{font-weight:600}
dl{display:grid;grid-template-columns:minmax(8rem,12rem) 1fr;gap:.25rem 1rem;
margin:.8rem 0}
dt{color:var(--soft)}
dd{margin:0}
footer{margin-top:2.5rem;border-top:1px solid var(--line);padding-top:1rem}
@media screen and (max-width:36rem){body{padding:1.25rem .9rem 2rem}
.lock{padding:.8rem .9rem}dl{grid-template-columns:7rem 1fr;gap:.3rem .7rem;
font-size:.93rem}dd{overflow-wrap:anywhere}.tiles{grid-template-columns:1fr 1fr;gap:.5rem}
thead{display:none}tr{display:block;padding:.5rem 0;border-bottom:1px solid var(--line)}
th,td{display:block;border:0;padding:0}td[data-label]::before{color:var(--soft);
content:attr(data-label) ": "}}
@page{size:A4;margin:16mm 15mm}
@media print{:root{color-scheme:light;--ink:#000;--soft:#444;--line:#999;--back:#fff;
--card:#fff;--good:#0b4a1e;--bad:#8a0b1f;--wait:#5c3a00;--link:#000}
html{font-size:9.5pt}
body{max-width:none;padding:0}
h2,h3,h4{break-after:avoid}
.scroll{overflow:visible}
.tiles{grid-template-columns:repeat(5,1fr);gap:2mm}
.tiles b{font-size:14pt}
.lock{padding:3mm 4mm;margin:4mm 0}
.lock>h3,.lock>p,dl{break-after:avoid}
dl,li,tr{break-inside:avoid}
dl{grid-template-columns:minmax(26mm,max-content) 1fr minmax(26mm,max-content) 1fr;
gap:1mm 3mm}
thead{display:table-header-group}
a{text-decoration:none}
a.out::after{content:" (" attr(href) ")";font-size:8pt;color:var(--soft)}}
"""
