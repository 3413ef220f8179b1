/* classes.h - the class of a record: what says whether two records are alike. */
#ifndef VF_CLASSES_H
#define VF_CLASSES_H

#include "stream/record.h"

/* What names the directory of the key as the class, as in dog/0001. */
#define CLASS_OF_KEY "key/"

/* Appends the class: 1, 0 where there is none, -1. name: a field, cls, json.NAME, or CLASS_OF_KEY; NULL: cls. */
int class_of(struct record *r, const char *name, struct buf *out, struct fail *f);
/* Appends the directory of an escaped key: 1, 0 where it has none, -1. */
int class_of_key(const char *key, size_t len, struct buf *out, struct fail *f);

/* The classes of the records of a stream, by key. */
struct class_map {
	struct class_entry {
		char *key, *cls; /* key: escaped; cls: NULL if it has none */
	} *v; /* [n], sorted by key after class_map_sort() */
	size_t n, cap;
};
int class_map_add(struct class_map *m, struct record *r, const char *name, struct fail *f);
void class_map_sort(struct class_map *m);
/* The class of an escaped key, or NULL. */
const char *class_map_find(const struct class_map *m, const char *key);
void class_map_free(struct class_map *m);

#endif
