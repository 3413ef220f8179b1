/* bench_tiles.h - `bench tiles`: where the time of large products on AMX tiles goes. */
#ifndef VF_BENCH_TILES_H
#define VF_BENCH_TILES_H

/* Prints one line for each row of the bench: its name, a tab, what is measured. AMX.md says what the rows are. A row takes the best of some
 * rounds of at least so many CPU seconds each; 0: everything runs once. Without AMX the rows say so. Returns 1 if a measured product is wrong. */
int bench_tiles(double seconds);

#endif
