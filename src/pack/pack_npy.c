/* Arrays of .npy files to records. */
#include <inttypes.h>
#include <string.h>

#include "input/infile.h"
#include "input/npy.h"
#include "input/picture.h"
#include "input/png.h"
#include "pack/pack_record.h"

struct array {
	struct infile *in;
	const char *path;
	struct npy npy;
	size_t item_size; /* bytes */
	uint64_t next;
	struct buf bytes; /* the header; of Fortran order the whole file */
};

/* In Fortran order, the values of an item stand all over the file. */
static int read_all(struct array *a, struct fail *f)
{
	size_t size = a->npy.count * npy_size(a->npy.type), header = a->bytes.len, got;
	if (size > RECORD_MAX_BYTES)
		return fail_set(f, "%s: npy in Fortran order of %zu bytes, more than the limit of %zu: convert it with numpy.ascontiguousarray", a->path, size,
		                RECORD_MAX_BYTES);
	if (buf_reserve(&a->bytes, size, f) || infile_read(a->in, a->bytes.p + header, size, &got, f))
		return -1;
	if (got < size)
		return fail_set(f, "%s: npy file is truncated: %zu bytes of values, expected %zu", a->path, got, size);
	a->bytes.len += got;
	a->npy.values = a->bytes.p + header;
	return 0;
}

static int array_open(struct array *a, const char *path, struct fail *f)
{
	size_t header = 12, got;
	int incomplete = 1;
	*a = (struct array){.in = infile_open(path, f)};
	if (!a->in)
		return -1;
	a->path = infile_name(a->in);
	while (incomplete > 0) {
		size_t missing = header - a->bytes.len;
		if (buf_reserve(&a->bytes, missing, f) || infile_read(a->in, a->bytes.p + a->bytes.len, missing, &got, f))
			return -1;
		a->bytes.len += got;
		incomplete = npy_parse_header(a->bytes.p, a->bytes.len, &a->npy, &header, f);
		if (incomplete > 0 && got < missing)
			incomplete = fail_set(f, "npy file ends within its header");
	}
	if (incomplete < 0)
		return fail_add(f, "%s", a->path);
	a->item_size = npy_size(a->npy.type);
	for (int i = 1; i < a->npy.ndim; i++)
		a->item_size *= a->npy.shape[i];
	if (a->item_size > RECORD_MAX_BYTES)
		return fail_set(f, "%s: an item has %zu bytes, more than the limit of %zu", a->path, a->item_size, RECORD_MAX_BYTES);
	return a->npy.fortran ? read_all(a, f) : 0;
}

/* Reverses the bytes of each value. */
static void reverse_bytes(char *p, size_t n, size_t size)
{
	for (char *end = p + n; p < end; p += size)
		for (size_t k = 0; k < size / 2; k++) {
			char c = p[k];
			p[k] = p[size - 1 - k];
			p[size - 1 - k] = c;
		}
}

/* Appends the next item's bytes, little endian, to out: 1, 0 at the end, -1. */
static int array_next(struct array *a, struct buf *out, struct fail *f)
{
	size_t got;
	char extra;
	if (a->next < a->npy.shape[0] && a->npy.fortran) {
		size_t values = a->item_size / npy_size(a->npy.type);
		if (buf_reserve(out, a->item_size, f))
			return -1;
		npy_copy(&a->npy, a->next++ * values, values, out->p + out->len);
		out->len += a->item_size;
		return 1;
	}
	if (a->next < a->npy.shape[0]) {
		if (buf_reserve(out, a->item_size, f) || infile_read(a->in, out->p + out->len, a->item_size, &got, f))
			return -1;
		if (got < a->item_size)
			return fail_set(f, "%s: npy file is truncated in item %" PRIu64 " of %zu", a->path, a->next + 1, a->npy.shape[0]);
		if (a->npy.big_endian)
			reverse_bytes(out->p + out->len, a->item_size, npy_size(a->npy.type));
		out->len += got;
		a->next++;
		return 1;
	}
	if (infile_read(a->in, &extra, 1, &got, f))
		return -1;
	return got ? fail_set(f, "%s: npy file has more bytes after its last item (%zu)", a->path, a->npy.shape[0]) : 0;
}

static void array_close(struct array *a)
{
	infile_close(a->in);
	buf_free(&a->bytes);
}

/* Adds the next label as .cls. */
static int add_label(struct array *labels, struct record *r, struct fail *f)
{
	struct buf value = {0};
	struct member *m = NULL;
	int go = array_next(labels, &value, f);
	if (go > 0 && (m = pack_add(r, "cls", 0, f))) {
		struct npy one = {.type = labels->npy.type, .values = value.p};
		go = buf_addf(&m->data, f, "%.0f", npy_value(&one, 0));
	}
	buf_free(&value);
	return go < 0 || !m ? -1 : 0;
}

static int check_shapes(const struct array *a, const struct array *labels, struct fail *f)
{
	if (a->npy.ndim < 2)
		return fail_set(f, "%s: npy of %d dimensions, expected [n, values] or more", a->path, a->npy.ndim);
	if (!a->item_size)
		return fail_set(f, "%s: npy whose items have no values", a->path);
	if (labels->in && (labels->npy.ndim != 1 || labels->npy.type == NPY_F2 || labels->npy.type == NPY_F4 || labels->npy.type == NPY_F8))
		return fail_set(f, "%s: labels of type '%s' in %d dimensions, expected integers in one dimension", labels->path,
		                npy_descr(labels->npy.type), labels->npy.ndim);
	if (labels->in && labels->npy.shape[0] != a->npy.shape[0])
		return fail_set(f, "%s: %zu labels for %zu items in %s", labels->path, labels->npy.shape[0], a->npy.shape[0], a->path);
	return 0;
}

/* Whether the items are pictures with their channels last, which become PNG files as those of IDX files do. */
static int is_interleaved(const struct array *a, size_t shape[3])
{
	struct npy item = {.type = a->npy.type, .ndim = a->npy.ndim - 1};
	int interleaved = 0;
	memcpy(item.shape, a->npy.shape + 1, sizeof item.shape - sizeof *item.shape);
	return npy_is_picture(&item, shape, &interleaved) && interleaved;
}

static int write_header(const struct array *a, int as_vector, struct buf *head, struct fail *f)
{
	size_t values = a->item_size / npy_size(a->npy.type);
	if (as_vector && a->npy.type == NPY_U8)
		return npy_header(head, NPY_U8, 1, &values, f);
	return npy_header(head, a->npy.type, a->npy.ndim - 1, a->npy.shape + 1, f);
}

/* Makes the payload of the next record: 1, 0 at the end, -1. */
static int add_payload(struct array *a, const struct buf *head, const size_t *picture, struct record *r, struct fail *f)
{
	struct member *m = pack_add(r, picture ? "png" : "npy", 0, f);
	if (!m)
		return -1;
	if (!picture)
		return buf_add(&m->data, head->p, head->len, f) ? -1 : array_next(a, &m->data, f);
	struct buf pixels = {0};
	int go = array_next(a, &pixels, f);
	if (go > 0 && png_encode((const uint8_t *)pixels.p, (int)picture[2], (int)picture[1], 3, &m->data, f))
		go = -1;
	buf_free(&pixels);
	return go;
}

int pack_npy(struct pack *p, const char *path, const char *label_path, struct fail *f)
{
	struct record r = {.fields_member = -1};
	struct array a, labels = {.in = NULL};
	struct buf head = {0};
	size_t shape[3];
	int go = array_open(&a, path, f) || (label_path && array_open(&labels, label_path, f)) || check_shapes(&a, &labels, f) ||
	         write_header(&a, p->as_vector, &head, f) ? -1 : 1;
	const size_t *picture = go > 0 && !p->as_vector && is_interleaved(&a, shape) ? shape : NULL;
	if (picture && shape[2] > PICTURE_MAX_PIXELS / shape[1])
		go = fail_set(f, "%s: pictures of %zu x %zu are larger than the limit of %u pixels", a.path, shape[2], shape[1], PICTURE_MAX_PIXELS);
	for (uint64_t i = 0; go > 0; i++) {
		go = pack_begin(p, &r, i, a.path, f) ? -1 : add_payload(&a, &head, picture, &r, f);
		if (go > 0 && labels.in && add_label(&labels, &r, f))
			go = -1;
		go = go > 0 ? pack_emit(p, &r, (double)a.npy.shape[0], f) : go;
	}
	if (!go && labels.in && labels.next == labels.npy.shape[0])
		go = array_next(&labels, &head, f); /* nothing may follow the last label */
	record_free(&r);
	array_close(&a);
	array_close(&labels);
	buf_free(&head);
	return go < 0 ? -1 : 0;
}
