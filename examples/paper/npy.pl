#!/usr/bin/perl
# npy.pl WHAT OVER.jsonl KEYS: a matrix [record, test] of float32 for vae-eval --lds, from a file of --influence that lists all records of
# KEYS, one key a line. WHAT: influence, distance (its negative), or a number k: 1 for the k nearest records of a test record, else 0.
use strict;
use warnings;

my ($what, $over, $keys) = @ARGV;
open my $k, '<', $keys or die "$keys: $!\n";
chomp(my @keys = <$k>);
my %row;
@row{@keys} = 0 .. $#keys;
open my $o, '<', $over or die "$over: $!\n";
my @column;
while (<$o>) {
	my @v;
	while (/"key":"([^"]*)"[^}]*"influence":([^,}]*)(?:,"distance":([^,}]*))?/g) {
		die "$over: line $.: unknown key $1\n" unless exists $row{$1};
		$v[$row{$1}] = $what eq 'influence' ? $2 : -$3;
	}
	die "$over: line $.: not all records are listed: --top is too small\n" if grep { !defined $v[$_] } 0 .. $#keys;
	if ($what =~ /^\d/) {
		my @near = (sort { $v[$b] <=> $v[$a] || $a <=> $b } 0 .. $#keys)[0 .. $what - 1];
		@v = (0) x @keys;
		@v[@near] = (1) x @near;
	}
	push @column, \@v;
}
my $header = sprintf "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", scalar @keys, scalar @column;
$header .= ' ' x (117 - length $header) . "\n";
binmode STDOUT;
print "\x93NUMPY\x01\x00", pack('v', length $header), $header;
for my $r (0 .. $#keys) {
	print pack 'f<*', map { $_->[$r] } @column;
}
