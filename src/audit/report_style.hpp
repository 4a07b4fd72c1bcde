#pragma once
/// How the report looks: on a screen, dark or light, narrow or wide, and on paper.
#include <string_view>

namespace forgepool::audit {

inline constexpr std::string_view report_style = R"css(
:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #16191d; --soft: #535b66; --line: #d9dee5; --grid: #e9edf2;
  --accent: #1d5fbf; --second: #0b7f77; --good: #17723f; --bad: #b3261e; --good-tint: #e5f4ea; --bad-tint: #fbe9e7; }
@media (prefers-color-scheme: dark) { :root {
  --page: #101318; --card: #191d24; --ink: #e8ebf0; --soft: #a5afbd; --line: #323945; --grid: #272d37;
  --accent: #7cb2ff; --second: #57c8bf; --good: #6bd197; --bad: #ff958c; --good-tint: #17301f; --bad-tint: #3a1d1b; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
main, header, footer { max-width: 72rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2.5rem; padding-bottom: .5rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .35rem; overflow-wrap: anywhere; }
h2 { font-size: 1.35rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h3 { font-size: 1.02rem; margin: 2rem 0 .5rem; }
p { margin: .35rem 0; overflow-wrap: anywhere; } section.card p, footer p { max-width: 52rem; }
a { color: var(--accent); }
.soft, caption, figcaption, dt { color: var(--soft); }
.badge { display: inline-block; padding: .12rem .6rem; border-radius: 1rem; font-size: .85rem; font-weight: 600;
  border: 1px solid currentColor; }
.good { color: var(--good); } .badge.good { background: var(--good-tint); }
.bad { color: var(--bad); } .badge.bad { background: var(--bad-tint); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem; margin: 1.25rem 0; padding: 0; }
.tiles div { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .7rem .9rem; }
.tiles dt { font-size: .82rem; } .tiles dd { margin: 0; font-size: 1.5rem; font-weight: 600; font-variant-numeric: tabular-nums; }
article, section.card { background: var(--card); border: 1px solid var(--line); border-radius: .8rem; padding: 1.4rem 1.5rem;
  margin: 1.25rem 0; }
dl.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .3rem 1.25rem; margin: .75rem 0; }
dl.facts dt, dl.facts dd { margin: 0; } dl.facts dd { overflow-wrap: anywhere; }
code, pre { font: .86em/1.45 ui-monospace, "DejaVu Sans Mono", monospace; }
pre { background: var(--page); border: 1px solid var(--line); border-radius: .5rem; padding: .8rem; white-space: pre-wrap;
  overflow-wrap: anywhere; margin: .5rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: 0 0 .4rem; }
th, td { text-align: left; padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { color: var(--soft); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 400; overflow-wrap: anywhere; } td .good, td .bad { white-space: nowrap; }
figure { margin: .5rem 0 1rem; } figcaption { font-size: .88rem; }
svg { display: block; width: 100%; height: auto; } svg text { fill: var(--ink); font-size: 12px; }
svg .soft { fill: var(--soft); } svg .grid { stroke: var(--grid); } svg .axis { stroke: var(--line); }
svg .accent { fill: var(--accent); } svg .second { fill: var(--second); } svg .bad { fill: var(--bad); }
svg .limit { stroke: var(--bad); stroke-dasharray: 5 4; }
details { margin: .6rem 0; } summary { cursor: pointer; color: var(--accent); }
ul.checks { margin: .5rem 0; padding-left: 1.2rem; } ul.checks li { overflow-wrap: anywhere; }
footer { padding-top: .5rem; padding-bottom: 3rem; font-size: .9rem; }
@media (max-width: 40rem) { figure { overflow-x: auto; } figure svg { min-width: 44rem; } figcaption { position: sticky; left: 0; }
  dl.facts { grid-template-columns: 1fr; gap: 0; } dl.facts dd { margin-bottom: .5rem; } article { padding: 1rem; } }
@media print { :root { --page: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --grid: #ddd; --accent: #1d5fbf; --second: #0b7f77;
    --good: #17723f; --bad: #b3261e; --good-tint: #fff; --bad-tint: #fff; }
  body { font-size: 10.5pt; } article, section.card { border: 0; padding: 0; } article + article { break-before: page; }
  figure, tr, .tiles div { break-inside: avoid; } .scroll { overflow: visible; } }
)css";

}  // namespace forgepool::audit
