/* The page of vae-report --review: decisions on suspects by mouse, touch and keyboard. It changes nothing but this page and what the
 * browser keeps for it, and loads nothing. */
"use strict";
(function () {

const data = JSON.parse(document.getElementById("data").textContent);
const suspects = data.suspects, n = suspects.length;
const WORDS = {k: "keep", d: "drop", u: "unsure"}, DONE = {k: "Kept", d: "Dropped", u: "Unsure about"};
const LETTERS = {keep: "k", drop: "d", unsure: "u"};
const STORE = "vae-review:" + data.hash;
const get = id => document.getElementById(id);

const card = new Array(n);           /* by suspect */
const order = [];                    /* suspects, in the order of the page */
const label = new Array(n);          /* of a card, without the decision */
const decided = new Array(n).fill("");
const count = {k: 0, d: 0, u: 0};
const undos = [];                    /* lists of [suspect, earlier decision] */
const carried = new Map(data.carried); /* decisions on records that are not on this page: key to word */
let visible = [], current = -1, exported = "", stored = true;

/* --- text --- */

/* Characters that are invisible, or change the direction of text, are shown as escapes. */
const hidden = /[\p{C}\u2028\u2029\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufe00-\ufe0f]/gu;
const plain = text => text.replace(hidden, c => "\\u{" + c.codePointAt(0).toString(16) + "}");

function number(v) {
	if (v === null || v === undefined)
		return "none";
	const a = Math.abs(v), sign = v < 0 ? "\u2212" : "";
	if (a >= 1000 && a < 1e12)
		return sign + Math.round(a).toString().replace(/\B(?=(\d{3})+$)/g, ",");
	return sign + String(Number(a.toPrecision(4)));
}

const plural = (k, word) => number(k) + " " + word + (k === 1 ? "" : "s");

function element(name, attributes, ...children) {
	const e = document.createElement(name);
	for (const [k, v] of Object.entries(attributes || {}))
		if (v !== null)
			e.setAttribute(k, v);
	e.append(...children);
	return e;
}

function say(text) { get("status").textContent = text; }

/* --- what the browser keeps --- */

function save() {
	try {
		localStorage.setItem(STORE, JSON.stringify({base: data.base, decisions: decided.map(d => d || ".").join(""), carried: [...carried]}));
		stored = true;
	} catch (e) {
		stored = false;
	}
	get("unstored").hidden = stored;
}

function load() {
	let kept = null;
	try {
		kept = JSON.parse(localStorage.getItem(STORE));
	} catch (e) {
		stored = false;
	}
	if (kept && typeof kept.decisions === "string" && kept.decisions.length === n)
		for (let i = 0; i < n; i++)
			decided[i] = kept.decisions[i] in WORDS ? kept.decisions[i] : "";
	if (kept && Array.isArray(kept.carried))
		for (const line of kept.carried)
			if (Array.isArray(line) && typeof line[0] === "string" && line[1] in LETTERS && (kept.base === data.base || !carried.has(line[0])))
				carried.set(line[0], line[1]);
	if (!kept || kept.base !== data.base) /* the file of --decisions is newer than what was kept */
		suspects.forEach((s, i) => { decided[i] = s.d || decided[i]; });
	return kept !== null;
}

/* --- decisions --- */

function tally() {
	count.k = count.d = count.u = 0;
	for (const d of decided)
		if (d)
			count[d]++;
}

const isShown = c => !c.parentElement.hidden;
const left = () => n - count.k - count.d - count.u;

function showCounts() {
	for (const d of "kdu") {
		get("n-" + d).textContent = number(count[d]);
		get("m-" + d).style.width = n ? 100 * count[d] / n + "%" : "0";
	}
	get("n-left").textContent = number(left());
	get("undo").disabled = get("undo2").disabled = !undos.length;
}

function showCard(i) {
	const c = card[i], d = decided[i];
	c.className = "card" + (d ? " is-" + d : "") + (i === current ? " is-current" : "");
	for (const b of c.lastElementChild.children)
		b.setAttribute("aria-pressed", b.dataset.d === d ? "true" : "false");
	c.setAttribute("aria-label", label[i] + (d ? ", decided: " + WORDS[d] : ""));
	if (i === current)
		for (const b of get("decide").querySelectorAll("[data-d]"))
			b.setAttribute("aria-pressed", b.dataset.d === d ? "true" : "false");
}

function showGroup(g) {
	const section = get("g" + g);
	let shown = 0, all = 0, done = 0;
	for (const c of section.querySelectorAll(".card")) {
		all++;
		shown += isShown(c);
		done += decided[c.dataset.i] !== "";
	}
	section.hidden = !shown;
	section.classList.toggle("is-done", done === all);
	section.querySelector(".gcount").textContent = (shown < all ? shown + " shown, " : "") + (done === all ? "all decided" : done ? done + " decided" : "");
}

/* Makes decisions [suspect, letter or ""], as one step of undo. Returns how many changed something. */
function decide(changes) {
	const earlier = changes.filter(([i, d]) => decided[i] !== d).map(([i]) => [i, decided[i]]);
	if (!earlier.length)
		return 0;
	undos.push(earlier);
	put(changes);
	return earlier.length;
}

function put(changes) {
	const groups = new Set();
	for (const [i, d] of changes) {
		if (decided[i])
			count[decided[i]]--;
		if (d)
			count[d]++;
		decided[i] = d;
		showCard(i);
		groups.add(suspects[i].g);
	}
	groups.forEach(showGroup);
	showCounts();
	save();
}

function undo() {
	const earlier = undos.pop();
	if (!earlier)
		return say("There is nothing to undo.");
	put(earlier);
	const first = earlier[0][0];
	if (isShown(card[first]))
		select(first, true);
	say("Undone: " + plural(earlier.length, "decision") + ". " + number(left()) + " left.");
}

function decideOne(i, d) {
	decide([[i, d]]);
	say("Number " + (i + 1) + ": " + (d ? WORDS[d] : "undecided") + ". " + number(left()) + " left.");
}

function decideGroup(g, d) {
	const all = [...get("g" + g).querySelectorAll(".card")].filter(isShown).map(c => [Number(c.dataset.i), d]);
	decide(all);
	say(DONE[d] + " " + plural(all.length, "record") + " of group " + (g + 1) + ". " + number(left()) + " left.");
}

/* --- moving --- */

function select(i, focus) {
	if (current >= 0) {
		card[current].tabIndex = -1;
		card[current].removeAttribute("aria-current");
		for (const b of card[current].lastElementChild.children)
			b.tabIndex = -1;
		card[current].classList.remove("is-current");
	}
	current = i;
	card[i].tabIndex = 0;
	card[i].setAttribute("aria-current", "true");
	for (const b of card[i].lastElementChild.children)
		b.tabIndex = 0;
	if (focus) {
		card[i].focus({preventScroll: true});
		card[i].scrollIntoView({block: "nearest"});
	}
	showCard(i);
	showWhy(i);
}

/* The next visible card: by: 1 or -1. */
function step(by) {
	const at = visible.indexOf(current);
	const to = visible[at < 0 ? 0 : Math.min(visible.length - 1, Math.max(0, at + by))];
	if (to !== undefined)
		select(to, true);
}

/* The card below (1) or above (-1): of the next row, the nearest one. */
function stepRow(by) {
	const at = visible.indexOf(current);
	if (at < 0)
		return step(1);
	const here = card[current].getBoundingClientRect();
	let best = -1, row = null, distance = Infinity;
	for (let k = at + by; k >= 0 && k < visible.length; k += by) {
		const r = card[visible[k]].getBoundingClientRect();
		if (Math.abs(r.top - here.top) < 2)
			continue;
		if (row !== null && Math.abs(r.top - row) > 2)
			break;
		row = r.top;
		if (Math.abs(r.left - here.left) < distance) {
			distance = Math.abs(r.left - here.left);
			best = visible[k];
		}
	}
	if (best >= 0)
		select(best, true);
}

/* --- filters --- */

function filter() {
	const state = get("f-decision").value, reason = get("f-reason").value, field = Number(get("f-score").value), least = parseFloat(get("f-z").value);
	visible = [];
	for (const i of order) {
		const s = suspects[i], d = decided[i];
		const z = s.z ? s.z[field] : null;
		const shown = (!state || (state === "none" ? !d : d === state)) && (!reason || data.reasons[s.r] === reason) &&
			(isNaN(least) || (z !== null && z >= least));
		card[i].parentElement.hidden = !shown;
		if (shown)
			visible.push(i);
	}
	for (let g = 0; g < data.groups; g++)
		showGroup(g);
	get("shown").textContent = visible.length < n ? "Showing " + number(visible.length) + " of " + plural(n, "suspect") + "." : "";
	get("nothing").hidden = visible.length > 0;
	if (visible.length && (current < 0 || !isShown(card[current])))
		select(visible[0], false);
}

/* --- why a record is a suspect --- */

function pictureOf(ref) {
	if (ref.i !== undefined)
		return card[ref.i].querySelector("img,svg").cloneNode(true);
	if (ref.p)
		return element("img", {src: ref.p, alt: "", class: ref.x ? "px" : null});
	if (ref.v) {
		const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), path = document.createElementNS("http://www.w3.org/2000/svg", "path");
		svg.setAttribute("viewBox", "0 0 96 64");
		svg.setAttribute("class", "curve");
		svg.setAttribute("aria-hidden", "true");
		path.setAttribute("d", ref.v);
		svg.append(path);
		return svg;
	}
	return element("span", {class: "no"}, plain(ref.w || "no picture"));
}

/* A list of records: [reference, number]; a number below 0 refers to a suspect: -1 - its index. */
function recordList(title, list, what) {
	const items = list.map(([at, value]) => {
		const ref = at < 0 ? {i: -1 - at} : data.others[at], key = plain(ref.i === undefined ? ref.k : suspects[ref.i].k);
		const text = element("span", {class: "nk"}, element("bdi", {class: "key", title: key}, key), element("span", {class: "lab"}, what + " " + number(value)));
		if (ref.i === undefined && ref.c)
			text.append(element("span", {class: "lab"}, "label " + plain(ref.c)));
		if (ref.i === undefined)
			return element("li", {}, pictureOf(ref), text);
		text.append(element("span", {class: "lab"}, "suspect " + (ref.i + 1)));
		return element("li", {}, element("button", {type: "button", class: "near", "data-go": ref.i}, pictureOf(ref), text));
	});
	return [element("h3", {}, title), element("ul", {class: "nears"}, ...items)];
}

function scoreRow(s, k) {
	const f = data.fields[k], place = s.q[k];
	const row = element("tr", {class: k === s.f ? "main" : null}, element("th", {scope: "row"}, element("bdi", {}, plain(f.name))), element("td", {class: "n"}, number(s.s[k])),
		element("td", {class: "n"}, s.z[k] === null ? "" : number(s.z[k])), element("td", {class: "n"}, place === null ? "" : number(place + 1)));
	return row;
}

/* "recon is high: 12.3, higher than 99.9 % of 5,000 records, z 8.1" */
function placeOf(s, k, low) {
	const what = plain(data.fields[k].name) + " is " + (low ? "low" : "high") + ": " + number(s.s[k]);
	if (s.q[k] === null) /* this stream is a part of what was ranked */
		return what;
	const total = k === 0 && s.rn || data.fields[k].n, above = s.q[k], share = 100 * (low ? above : total - 1 - above) / total;
	const place = !low && above === 0 ? "the highest of " + plural(total, "record") :
		(low ? "lower" : "higher") + " than " + (share > 99.99 ? "99.99" : String(Number(share.toPrecision(share > 90 ? 4 : 2)))) + " % of " + plural(total, "record");
	return what + ", " + place + ", z " + number(s.z[k]);
}

function because(s) {
	const reason = plain(data.reasons[s.r]);
	if (s.e)
		return "It has no score: " + plain(s.e);
	if (!s.s)
		return "It has no score; " + reason + ".";
	let text = s.named ? reason + ". " : "";
	text += placeOf(s, 0, false) + ".";
	if (s.f > 0)
		text += " What explains it best: " + placeOf(s, s.f, s.low) + ".";
	return text;
}

/* The scores that are listed: the one that ranks, the one that explains it, and the most unusual others. */
function listed(s) {
	const others = data.fields.map((f, k) => k).filter(k => s.s[k] !== null && k > 0 && k !== s.f).sort((a, b) => Math.abs(s.z[b]) - Math.abs(s.z[a]));
	return (s.f > 0 ? [0, s.f] : [0]).concat(others).slice(0, 12);
}

function showWhy(i) {
	const s = suspects[i], body = [];
	const big = element("div", {class: "big"});
	const picture = card[i].querySelector("img,svg,.no");
	if (picture)
		big.append(picture.cloneNode(true));
	const title = element("h2", {id: "why-title"}, "Number " + (i + 1));
	if (s.c)
		title.append(element("span", {class: "lab"}, " label " + plain(s.c)));
	const facts = (s.t || []).filter(([k]) => k !== "source"), source = (s.t || []).find(([k]) => k === "source");
	const file = source ? [element("bdi", {class: "key whole lab"}, plain(source[1]))] : []; /* a person knows the file better than the key */
	body.push(element("div", {class: "whead"}, big, element("div", {}, title, element("bdi", {class: "key whole"}, plain(s.k)), ...file)));
	body.push(element("p", {class: "because"}, because(s)));
	if (s.s && data.fields.length) {
		const head = element("tr", {}, ...["score", "value", "z", "rank"].map((t, k) => element("th", {scope: "col", class: k ? "n" : null}, t)));
		body.push(element("table", {class: "scores"}, element("caption", {}, "Scores, and their ranks among " + plural(s.rn || data.fields[0].n, "record")), element("thead", {}, head),
			element("tbody", {}, ...listed(s).map(k => scoreRow(s, k)))));
	}
	if (s.col) {
		const head = element("tr", {}, ...["column", "value", "median", "z"].map((t, k) => element("th", {scope: "col", class: k ? "n" : null}, t)));
		body.push(element("table", {class: "scores columns"}, element("caption", {}, "The most unusual columns"), element("thead", {}, head),
			element("tbody", {}, ...s.col.map(([c, v, m, z]) => element("tr", {}, element("th", {scope: "row"}, element("bdi", {}, data.columns.length ? plain(data.columns[c - 1]) : String(c))), element("td", {class: "n"}, number(v)),
				element("td", {class: "n"}, number(m)), element("td", {class: "n"}, number(z)))))));
	}
	if (s.near)
		body.push(...recordList("Nearest records", s.near, "distance"));
	if (s.pro)
		body.push(...recordList("Proponents", s.pro, "influence"));
	if (s.opp)
		body.push(...recordList("Opponents", s.opp, "influence"));
	if (facts.length)
		body.push(element("h3", {}, "Other fields"), element("dl", {class: "facts"}, ...facts.map(([k, v]) => element("div", {}, element("dt", {}, plain(k)), element("dd", {}, element("bdi", {}, plain(v)))))));
	get("why-body").replaceChildren(...body);
	get("why-body").scrollTop = 0;
}

/* --- export and import --- */

/* A suspect whose decision came from a file and was taken back is exported as unsure: without a line, the decision would come back. */
function exportText() {
	let text = "";
	suspects.forEach((s, i) => {
		const d = decided[i] || (s.d ? "u" : "");
		if (d)
			text += s.k + "\t" + WORDS[d] + "\n";
	});
	for (const [key, word] of carried)
		text += key + "\t" + word + "\n";
	return text;
}

function openExport() {
	const text = exportText(), lines = text.split("\n").length - 1;
	get("text").value = text;
	get("export-note").textContent = plural(lines, "decision") + (left() ? "; " + plural(left(), "suspect") + " undecided." : ".") +
		(carried.size ? " " + plural(carried.size, "decision") + " of them on records that are not on this page." : "");
	get("export").showModal();
}

function download() {
	const text = exportText(), url = URL.createObjectURL(new Blob([text], {type: "text/tab-separated-values"}));
	const a = element("a", {href: url, download: "decisions.tsv"});
	a.click();
	setTimeout(() => URL.revokeObjectURL(url), 10000);
	exported = text;
	say("The decisions were downloaded as decisions.tsv.");
}

function copy() {
	const area = get("text"), done = ok => { get("export-note").textContent = ok ? "Copied." : "Select the text and copy it."; };
	area.focus();
	area.select();
	exported = area.value;
	if (navigator.clipboard)
		navigator.clipboard.writeText(area.value).then(() => done(true), () => done(document.execCommand("copy")));
	else
		done(document.execCommand("copy"));
}

function importText(text) {
	const index = new Map(suspects.map((s, i) => [s.k, i])), changes = new Map();
	let others = 0, bad = 0;
	for (const line of text.replace(/^\ufeff/, "").split(/\r?\n/)) {
		const [key, word] = line.split("\t");
		if (!key || (key === "key" && word === "decision")) /* an empty line, a header */
			continue;
		if (!(word in LETTERS)) {
			bad++;
		} else if (index.has(key)) {
			changes.set(index.get(key), LETTERS[word]);
		} else {
			carried.set(key, word);
			others++;
		}
	}
	const changed = decide([...changes]);
	save();
	say(plural(changes.size, "decision") + " read, " + number(changed) + " of them new." + (others ? " " + plural(others, "decision") + " on records that are not on this page are kept for the export." : "") +
		(bad ? " " + plural(bad, "line") + " without keep, drop or unsure were left out." : ""));
}

/* --- events --- */

const narrow = window.matchMedia("(max-width: 60rem)");

function openWhy(open) {
	get("why").classList.toggle("open", open);
	get("more").setAttribute("aria-expanded", open ? "true" : "false");
	document.body.classList.toggle("why-open", open);
	if (open && current >= 0)
		card[current].scrollIntoView({block: "nearest"});
}

function onKey(e) {
	if (e.ctrlKey && e.key === "z" && !e.target.matches("input, textarea, select")) {
		e.preventDefault();
		return undo();
	}
	if (e.ctrlKey || e.altKey || e.metaKey || e.target.matches("input, textarea, select") || document.querySelector("dialog[open]"))
		return;
	const inside = e.target.closest("#suspects, #decide, #why"), letter = e.key.toLowerCase();
	const free = e.target === document.body || e.target.closest("#suspects");
	const keys = {ArrowRight: () => step(1), ArrowLeft: () => step(-1), ArrowDown: () => stepRow(1), ArrowUp: () => stepRow(-1), Home: () => step(-n), End: () => step(n)};
	if (free && keys[e.key] && !e.shiftKey) {
		e.preventDefault();
		keys[e.key]();
	} else if (inside && letter in WORDS && current >= 0) {
		e.preventDefault();
		if (e.shiftKey)
			return decideGroup(suspects[current].g, letter);
		decideOne(current, letter);
		const text = get("status").textContent;
		step(1);
		say(text);
	} else if (inside && e.key === "Backspace" && current >= 0) {
		e.preventDefault();
		decideOne(current, "");
	} else if (letter === "z" && (inside || free)) {
		e.preventDefault();
		undo();
	} else if (e.key === "Enter" && e.target.classList.contains("card")) {
		openWhy(true);
		get("why-body").focus();
	} else if (e.key === "Escape") {
		openWhy(false);
		if (e.target.closest("#why") && current >= 0)
			select(current, true);
	}
}

function onClick(e) {
	const b = e.target.closest("button"), c = e.target.closest(".card");
	if (b && b.dataset.all)
		return decideGroup(Number(b.dataset.group), b.dataset.all);
	if (b && b.dataset.go !== undefined) {
		const to = Number(b.dataset.go);
		if (!isShown(card[to])) {
			get("f-decision").value = get("f-reason").value = get("f-z").value = "";
			filter();
		}
		return select(to, true);
	}
	if (b && b.dataset.d) {
		const i = c ? Number(c.dataset.i) : current;
		if (i < 0)
			return;
		if (c)
			select(i, false);
		decideOne(i, decided[i] === b.dataset.d ? "" : b.dataset.d);
		if (!c && decided[i]) {
			const text = get("status").textContent;
			step(1);
			say(text);
		}
		return;
	}
	if (c)
		select(Number(c.dataset.i), true);
}

function start() {
	for (const c of document.querySelectorAll(".card")) {
		const i = Number(c.dataset.i);
		card[i] = c;
		order.push(i);
		label[i] = c.getAttribute("aria-label");
	}
	const known = load();
	tally();
	for (const r of [...new Set(suspects.map(s => s.r))].map(r => [data.reasons[r], suspects.filter(s => s.r === r).length]).sort((a, b) => b[1] - a[1]))
		get("f-reason").append(element("option", {value: r[0]}, plain(r[0]) + " (" + r[1] + ")"));
	data.fields.forEach((f, k) => get("f-score").append(element("option", {value: k}, plain(f.name))));
	for (let i = 0; i < n; i++)
		if (decided[i])
			showCard(i);
	filter();
	showCounts();
	save();
	if (known && left() < n)
		say("The decisions that this browser kept are back: " + plural(n - left(), "record") + ".");
	exported = exportText();
	for (const id of ["f-decision", "f-reason", "f-score", "f-z"])
		get(id).addEventListener("input", filter);
	document.addEventListener("keydown", onKey);
	document.addEventListener("click", onClick);
	get("suspects").addEventListener("focusin", e => {
		const c = e.target.closest(".card");
		if (c && Number(c.dataset.i) !== current)
			select(Number(c.dataset.i), false);
	});
	get("undo").addEventListener("click", undo);
	get("undo2").addEventListener("click", undo);
	get("more").addEventListener("click", () => openWhy(!get("why").classList.contains("open")));
	get("open-export").addEventListener("click", openExport);
	get("download").addEventListener("click", download);
	get("close").addEventListener("click", () => get("export").close());
	get("copy").addEventListener("click", copy);
	get("open-import").addEventListener("click", () => get("file").click());
	get("file").addEventListener("change", () => {
		const file = get("file").files[0];
		if (file)
			file.text().then(importText, () => say("The file cannot be read."));
		get("file").value = "";
	});
	get("filters").open = !narrow.matches;
	window.addEventListener("storage", e => { /* another window with the same page */
		if (e.key === STORE && e.newValue) {
			load();
			tally();
			order.forEach(showCard);
			filter();
			showCounts();
		}
	});
	window.addEventListener("beforeunload", e => {
		if (!stored && exportText() !== exported)
			e.preventDefault();
	});
	document.documentElement.classList.add("ready");
}

start();
})();
