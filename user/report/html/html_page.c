/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/html/html_parts.h"

/* Sorts a table by the column whose head is pressed; again: the other way round. Hides the groups
 * of goroutines that a text is not in; unfolds those that are left, or folds them. */
#define SCRIPT                                                                                        \
	"document.querySelectorAll('table.sort th').forEach(function(th,i){"                          \
	"th.firstChild.addEventListener('click',function(){"                                          \
	"var t=th.closest('table'),b=t.tBodies[0],d=th.getAttribute('aria-sort')=='descending'?1:-1;" \
	"t.querySelectorAll('th').forEach(function(h){h.removeAttribute('aria-sort')});"              \
	"th.setAttribute('aria-sort',d<0?'descending':'ascending');"                                  \
	"function v(r){var c=r.cells[i];return c.dataset.v||c.textContent}"                           \
	"Array.from(b.rows).sort(function(x,y){var p=v(x),q=v(y),n=p-q;"                              \
	"return d*(isNaN(n)?p.localeCompare(q):n)}).forEach(function(r){b.appendChild(r)})})});"      \
	"document.querySelectorAll('.groups').forEach(function(g){"                                   \
	"var f=g.querySelector('input'),o=g.querySelector('output'),"                                 \
	"a=Array.from(g.querySelectorAll('details'));if(!f)return;"                                   \
	"f.addEventListener('input',function(){var q=f.value.toLowerCase(),n=0;"                      \
	"a.forEach(function(e){e.hidden=e.textContent.toLowerCase().indexOf(q)<0;n+=!e.hidden});"     \
	"o.value=q?n+' of '+a.length+' groups':''});"                                                 \
	"g.querySelector('button').addEventListener('click',function(){"                              \
	"var l=a.filter(function(e){return!e.hidden}),"                                               \
	"u=l.some(function(e){return!e.open});l.forEach(function(e){e.open=u})})})"

/* Of SCRIPT, so that nothing else can run in the page: `make reports` says when it is not right. */
#define SCRIPT_HASH "sha256-a/YWVfr2bCcqidpiWGk/93SMr0DvIYNuV8rRZT/1glA="

static const char style[] =
	":root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#59636e;--line:#d1d9e0;"
	"--card:#f6f8fa;--a:#cf222e;--b:#0969da;--ok:#1a7f37;--warn:#9a6700}\n"
	"@media(prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--dim:#9198a1;"
	"--line:#3d444d;--card:#151b23;--a:#ff7b72;--b:#79c0ff;--ok:#56d364;--warn:#e3b341}}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0 auto;padding:1rem;max-width:72rem;background:var(--bg);color:var(--fg);"
	"font:15px/1.45 system-ui,sans-serif;overflow-wrap:anywhere}\n"
	"code{font:13px/1.4 ui-monospace,monospace}\n"
	"h1{font-size:1.5rem;margin:.2em 0}h2{font-size:1.1rem;margin:.2em 0}"
	"h3{font-size:1rem;margin:.2em 0 .4em}\n"
	".bad,article h2{color:var(--a)}.good{color:var(--ok)}"
	".unsure{color:var(--warn)}\n"
	"small,.note,figcaption{color:var(--dim);font-size:13px}\n"
	"a{color:var(--b)}ul,nav ol{padding-left:1.3em}\n"
	"article,body>section{border:1px solid var(--line);border-radius:8px;padding:1rem;margin:1rem 0}\n"
	"article[id^=suspect] h2{color:var(--warn)}\n"
	".lead{font-size:1.05rem;font-weight:600;margin:.3em 0 .8em}\n"
	".pair{display:grid;gap:1rem}\n"
	"@media(min-width:46rem){.pair{grid-template-columns:1fr 1fr}}\n"
	".access{background:var(--card);border-radius:6px;padding:.7rem;border-left:4px solid;min-width:0}\n"
	".access.a{border-color:var(--a)}.access.b{border-color:var(--b)}\n"
	".stack{list-style:none;margin:0;padding:0}.stack ol{list-style:none;padding-left:1em}\n"
	".stack li{padding:.15em 0}.stack .site>code{font-weight:700;background:var(--line);"
	"border-radius:3px;padding:0 .2em}\n"
	".rt>code,.fold summary{color:var(--dim)}\n"
	"dl{display:grid;grid-template-columns:minmax(5rem,max-content) 1fr;gap:.2rem 1rem;margin:.8rem 0}\n"
	"dt{color:var(--dim)}dd{margin:0}\n"
	".losses{grid-template-columns:minmax(10rem,40rem) 1fr}\n"
	"figure{margin:.8rem 0}\n"
	".lane>span{font-size:13px}.track{position:relative;height:1.1rem;background:var(--card);"
	"border-bottom:1px solid var(--line)}\n"
	".track i{position:absolute;top:0;bottom:0}\n"
	".lane.a i{background:var(--a)}.lane.b i{background:var(--b)}\n"
	".bar{opacity:.75;border-radius:3px}.tick{width:4px;margin-left:-2px}\n"
	".axis{position:relative;height:1.3em;font-size:12px;color:var(--dim)}\n"
	".axis span{position:absolute}.axis .end{right:0}\n"
	".run .track{height:3rem}.run .track i{top:auto;background:var(--a);min-width:2px}\n"
	"article[id^=suspect] .run .track i{background:var(--warn)}\n"
	".grown .track i{min-width:3px}.grown .track .open{opacity:.35}"
	".grown .track .tick{background:var(--a)}\n"
	".dist{display:grid;grid-template-columns:5rem 1fr 8rem;gap:.6rem;align-items:center;font-size:13px}\n"
	".dist i{left:0;min-width:2px}.dist i.a{background:var(--a);bottom:50%}"
	".dist i.b{background:var(--b);top:50%}\n"
	"section>pre{overflow-x:auto;font-size:13px}\n"
	".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:13px}\n"
	"th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);"
	"white-space:nowrap}\n"
	"th button{all:unset;cursor:pointer;font-weight:600}th button:focus-visible{outline:2px solid var(--b)}\n"
	"th[aria-sort=descending] button::after{content:' \\25be'}"
	"th[aria-sort=ascending] button::after{content:' \\25b4'}\n"
	".verdict{font-weight:600}.racy{color:var(--a)}.ordered{color:var(--ok)}.unproven{color:var(--warn)}\n"
	".groups p{display:flex;gap:.6rem;align-items:center;flex-wrap:wrap}.groups input{flex:1 1 14rem;"
	"font:inherit;padding:.3rem .5rem;color:inherit;background:var(--bg);border:1px solid "
	"var(--line);border-radius:6px}.groups button{font:inherit}details[hidden]{display:none}\n"
	".graph{max-width:100%;font:13px ui-monospace,monospace;fill:var(--fg)}"
	".graph rect{fill:var(--card);stroke:var(--line)}.graph path{fill:none;stroke:var(--dim)}"
	".graph .a{stroke:var(--a)}.graph .b{stroke:var(--b)}.graph .hot{stroke:var(--a);"
	"stroke-width:2.5}.graph .op{fill:var(--dim);font-size:12px}\n"
	"@media print{article,body>section{break-inside:avoid}}\n";

void html_begin(FILE *out)
{
	fputs("<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
	      "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n"
	      "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; "
	      "style-src 'unsafe-inline'; script-src '" SCRIPT_HASH "'\">\n"
	      "<title>maprace report</title>\n<style>\n",
	      out);
	fputs(style, out);
	fputs("</style>\n</head>\n<body>\n", out);
}

void html_end(FILE *out)
{
	fputs("<script>" SCRIPT "</script>\n</body>\n</html>\n", out);
}
