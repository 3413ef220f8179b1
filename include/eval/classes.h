/* classes.h - the class of a record: a field, cls, a value of KEY.json, or the directory of the key. */
#ifndef VF_CLASSES_H
#define VF_CLASSES_H

#include "stream/record.h"

/* The name that means the directory of the key, as in dog/0001. */
#define CLASS_OF_KEY "key/"

/* Appends the class to out. Returns 1, 0 if the record has none, or -1 with a message. name: a field, cls, json.NAME, or CLASS_OF_KEY; NULL: cls. */
int class_of(struct record *r, const char *name, struct buf *out, struct fail *f);
/* Appends the directory of an escaped key. Returns 1, 0 if the key has none, or -1. */
int class_of_key(const char *key, size_t len, struct buf *out, struct fail *f);

/* Whether any record has the class that an option --class names. */
struct class_check {
	const char *name; /* set by the caller, as for class_of(); NULL: nothing is checked */
	uint64_t records;
	int found;
	struct buf names; /* names that the first record could be classed by */
};
int class_check_record(struct class_check *c, struct record *r, struct fail *f);
/* Fails if none of the records has it. */
int class_check_end(const struct class_check *c, struct fail *f);
void class_check_free(struct class_check *c);

/* Names of classes, each once. */
struct class_list {
	char **name; /* [n], in the order of class_list_add() */
	size_t n, cap;
};
/* The index of a class, which is added if it is new; -1 with a message, also beyond INT16_MAX classes. */
int class_list_add(struct class_list *l, const char *name, size_t len, struct fail *f);
void class_list_free(struct class_list *l);

/* The classes of the records of a stream, by key. */
struct class_map {
	struct class_entry {
		char *key, *cls; /* owned; key: escaped; cls: NULL if the record has none */
	} *v; /* [n], sorted by key after class_map_sort() */
	size_t n, cap;
};
int class_map_add(struct class_map *m, struct record *r, const char *name, struct fail *f);
void class_map_sort(struct class_map *m);
/* The class of an escaped key, or NULL; owned by the map. */
const char *class_map_find(const struct class_map *m, const char *key);
void class_map_free(struct class_map *m);

#endif
