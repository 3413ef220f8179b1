/* Documents of a configuration: YAML text, assignments (--set), files and presets. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#include "model/config.h"
#include "model/config_yaml.h"
#include "stream/name.h"

enum { MAX_BRACKETS = 2000 };

/* Refuses anchors and aliases, which no configuration needs: libyaml's time grows with the square of anchors. A syntax error
 * is left to load(). */
static int check_anchors(const char *text, size_t len, struct fail *f)
{
	yaml_parser_t p;
	yaml_event_t e;
	int r = 0, more = 1;
	if (!yaml_parser_initialize(&p))
		return fail_memory(f);
	yaml_parser_set_input_string(&p, (const unsigned char *)text, len);
	while (!r && more && yaml_parser_parse(&p, &e)) {
		int has = e.type == YAML_ALIAS_EVENT || (e.type == YAML_SCALAR_EVENT && e.data.scalar.anchor) ||
		          (e.type == YAML_SEQUENCE_START_EVENT && e.data.sequence_start.anchor) ||
		          (e.type == YAML_MAPPING_START_EVENT && e.data.mapping_start.anchor);
		if (has)
			r = fail_set(f, "line %zu: anchors (&) and aliases (*) are not allowed: write the value out", e.start_mark.line + 1);
		more = e.type != YAML_DOCUMENT_END_EVENT && e.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&p);
	return r;
}

static int load(yaml_document_t *d, const char *text, size_t len, struct fail *f)
{
	yaml_parser_t p;
	size_t open = 0;
	if (len > CONFIG_MAX_BYTES)
		return fail_set(f, "%zu bytes, larger than the limit of %d", len, CONFIG_MAX_BYTES);
	/* libyaml's time grows with the square of open brackets: minutes for 100 KB of them */
	for (size_t i = 0; i < len; i++)
		open += text[i] == '[' || text[i] == '{';
	if (open > MAX_BRACKETS)
		return fail_set(f, "more than %d brackets", MAX_BRACKETS);
	if (check_anchors(text, len, f))
		return -1;
	if (!yaml_parser_initialize(&p))
		return fail_memory(f);
	yaml_parser_set_input_string(&p, (const unsigned char *)text, len);
	int r = 0;
	if (!yaml_parser_load(&p, d)) {
		/* libyaml has a text for every other error */
		r = p.error == YAML_MEMORY_ERROR || !p.problem ? fail_memory_for(f, "YAML")
		                                 : fail_set(f, "line %zu: %s", p.problem_mark.line + 1, p.problem);
	} else if (!yaml_document_get_root_node(d)) {
		yaml_document_delete(d);
		r = fail_set(f, "empty");
	}
	yaml_parser_delete(&p);
	return r;
}

static int parse_section(struct config *c, yaml_document_t *d, const yaml_node_t *n, const char *section, char *given, struct fail *f)
{
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
		yaml_node_t *key = yaml_document_get_node(d, p->key), *value = yaml_document_get_node(d, p->value);
		const char *k = config_scalar(key);
		char name[200];
		if (!k)
			return fail_set(f, "line %zu: a key is not a word", key->start_mark.line + 1);
		snprintf(name, sizeof name, "%s%s%s", section, *section ? "." : "", k);
		int deeper = value->type == YAML_MAPPING_NODE && !*section;
		if (deeper ? parse_section(c, d, value, name, given, f) : config_set_named(c, name, d, value, given, f))
			return deeper ? -1 : fail_add(f, "line %zu", key->start_mark.line + 1);
	}
	return 0;
}

int config_parse(struct config *c, const char *text, size_t len, struct fail *f)
{
	yaml_document_t d;
	char given[CONFIG_MAX_KEYS] = {0};
	if (load(&d, text, len, f))
		return -1;
	yaml_node_t *root = yaml_document_get_root_node(&d);
	int r = root->type == YAML_MAPPING_NODE ? parse_section(c, &d, root, "", given, f) : fail_set(f, "not a mapping of keys");
	yaml_document_delete(&d);
	return r;
}

int config_set(struct config *c, const char *assignment, struct fail *f)
{
	const char *eq = strchr(assignment, '=');
	char name[200], shown[128];
	if (!eq || eq == assignment || eq - assignment >= (long)sizeof name)
		return fail_set(f, "--set takes key=value, not '%s'", name_show(shown, sizeof shown, assignment));
	snprintf(name, sizeof name, "%.*s", (int)(eq - assignment), assignment);
	yaml_document_t d;
	if (load(&d, eq + 1, strlen(eq + 1), f))
		return fail_add(f, "--set %s", name_show(shown, sizeof shown, name));
	int r = config_set_named(c, name, &d, yaml_document_get_root_node(&d), NULL, f);
	yaml_document_delete(&d);
	return r ? fail_add(f, "--set") : 0;
}

int config_assign(struct config *c, const struct assignments *sets, struct fail *f)
{
	for (int i = 0; i < sets->n; i++)
		if (config_set(c, sets->v[i], f))
			return -1;
	return 0;
}

int config_check_assignments(const struct assignments *sets, struct fail *f)
{
	struct config c;
	config_defaults(&c);
	return config_assign(&c, sets, f);
}

int config_load(struct config *c, const char *name, struct fail *f)
{
	struct buf text = {0};
	char self[PATH_MAX], path[2][PATH_MAX + 256];
	size_t n = strlen(name);
	int r;
	if (strchr(name, '/') || (n > 5 && strcmp(name + n - 5, ".yaml") == 0)) {
		snprintf(path[0], sizeof path[0], "%s", name);
	} else {
		ssize_t k = readlink("/proc/self/exe", self, sizeof self - 1);
		char *slash = k > 0 ? memrchr(self, '/', (size_t)k) : NULL;
		if (!slash)
			return fail_set(f, "cannot find the preset '%s': the path of this program is unknown (/proc/self/exe); give the path of a YAML file", name);
		*slash = 0;
		/* installed: PREFIX/bin beside PREFIX/share; built: build/ beside config/ */
		snprintf(path[0], sizeof path[0], "%s/../share/vae-filters/config/%.100s.yaml", self, name);
		snprintf(path[1], sizeof path[1], "%s/../config/%.100s.yaml", self, name);
		int at = access(path[0], F_OK) == 0 ? 0 : 1;
		if (access(path[at], F_OK))
			return fail_set(f, "there is no preset '%.100s' (vae-train(1) lists them): neither %s nor %s exists", name, path[0], path[1]);
		if (at)
			memcpy(path[0], path[1], sizeof path[0]);
	}
	r = buf_read_file(&text, path[0], CONFIG_MAX_BYTES, f);
	if (!r && config_parse(c, text.p, text.len, f))
		r = fail_add(f, "%s", path[0]);
	buf_free(&text);
	return r;
}
