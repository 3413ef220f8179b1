/* transport.h - messages between the processes of one training. src/train/transport.c is that of a single process; src/train/mpi/transport.c
 * takes its place in a program that is linked with MPI (`make MPI=1`). A process that fails, or a lost connection, ends all (MPI's default).
 * All calls are made by the thread of main().
 */
#ifndef VF_TRANSPORT_H
#define VF_TRANSPORT_H

#include <stddef.h>

/* Before anything else of main(): the number of this process, from 0, and how many there are. */
void transport_open(int *rank, int *ranks);
void transport_close(void);
void transport_send(int to, const void *p, size_t bytes);
void transport_receive(int from, void *p, size_t bytes);
/* From process 0 to all. */
void transport_broadcast(void *p, size_t bytes);

#endif
