/* zip_directory.h - finds the directory of a zip archive, before libarchive reads the archive.
 *
 * libarchive searches the last 16 KiB for the record that ends the archive. Where it does not find it, it reads the archive as a stream, in
 * which it notices no cut behind the last file, and takes symbolic links for files. Where it finds the record of another archive, which may stand in
 * the comment, in a file, or before this archive, it reads that one. Both would lose files without a word, so both are refused here.
 */
#ifndef VF_ZIP_DIRECTORY_H
#define VF_ZIP_DIRECTORY_H

#include <stdint.h>

#include "base/fail.h"

/* Sets *entries to the number of files and directories that the directory names; without zip64 it is modulo 65536. fd: a regular file of `size`
 * bytes. Fails unless the directory stands directly before the end of the archive, as in an archive that begins at byte 0. */
int zip_directory(int fd, const char *path, uint64_t size, uint64_t *entries, struct fail *f);

#endif
