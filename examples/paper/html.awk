# The Markdown that run.sh writes, as HTML: headings, paragraphs, tables, code blocks, pictures, links, `code`.
function text(s) {
	gsub(/&/, "\\&amp;", s); gsub(/</, "\\&lt;", s); gsub(/>/, "\\&gt;", s)
	while (match(s, /!\[[^]]*\]\([^)]*\)/)) {
		one = substr(s, RSTART, RLENGTH); alt = one; sub(/^!\[/, "", alt); sub(/\].*/, "", alt); sub(/.*\(/, "", one); sub(/\)$/, "", one)
		s = substr(s, 1, RSTART - 1) "<img src=\"" one "\" alt=\"" alt "\">" substr(s, RSTART + RLENGTH)
	}
	while (match(s, /\[[^]]*\]\([^)]*\)/)) {
		one = substr(s, RSTART, RLENGTH); name = one; sub(/^\[/, "", name); sub(/\].*/, "", name); sub(/.*\(/, "", one); sub(/\)$/, "", one)
		s = substr(s, 1, RSTART - 1) "<a href=\"" one "\">" name "</a>" substr(s, RSTART + RLENGTH)
	}
	while (match(s, /`[^`]*`/))
		s = substr(s, 1, RSTART - 1) "<code>" substr(s, RSTART + 1, RLENGTH - 2) "</code>" substr(s, RSTART + RLENGTH)
	return s
}
function close_all() { if (paragraph) print "</p>"; if (table) print "</table>"; paragraph = table = 0 }
BEGIN {
	print "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>The paper, table by table</title>"
	print "<style>body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}table{border-collapse:collapse}td,th{border:1px solid #bbb;padding:.2em .6em;text-align:left}pre{background:#f4f4f4;padding:.6em;white-space:pre-wrap}img{max-width:100%}</style>"
}
/^    / && !paragraph && !table { if (!code) print "<pre>"; code = 1; s = substr($0, 5); gsub(/&/, "\\&amp;", s); gsub(/</, "\\&lt;", s); gsub(/>/, "\\&gt;", s); print s; next }
code { print "</pre>"; code = 0 }
/^$/ { close_all(); next }
/^#+ / { close_all(); n = index($0, " ") - 1; print "<h" n ">" text(substr($0, n + 2)) "</h" n ">"; next }
/^\|[-|]*$/ { next }
/^\|/ {
	cell = table ? "td" : "th"
	if (!table) { close_all(); print "<table>"; table = 1 }
	s = $0; sub(/^\| */, "", s); sub(/ *\|$/, "", s); n = split(s, v, / *\| */); line = "<tr>"
	for (i = 1; i <= n; i++) line = line "<" cell ">" text(v[i]) "</" cell ">"
	print line "</tr>"
	next
}
{ if (table) close_all(); if (!paragraph) { print "<p>"; paragraph = 1 } print text($0) }
END { if (code) print "</pre>"; close_all(); print "</html>" }
