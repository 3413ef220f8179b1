#!/usr/bin/perl
# draw.pl [N]: prints N (default 1200) rows of CSV, for odd.sh. Six columns are combinations of two numbers, in six units; the seventh is
# constant. In every sixtieth row the columns are exchanged: each number is normal, the combination is not. The last column marks
# these rows.
use strict;
use warnings;

my $n = shift // 1200;
my $state = 7;

sub uniform { $state = ($state * 1103515245 + 12345) % 2147483648; return $state / 2147483648 }
sub normal { return sqrt(-2 * log(uniform() + 1e-9)) * cos(6.2831853 * uniform()) }

my @unit = (1, 10, 0.01, 1e6, 5, 1);
my @zero = (0, 100, 3, 1.7e9, -4, 0);
print "a,b,c,d,e,f,g,what\n";
for my $i (1 .. $n) {
	my ($p, $q) = (normal(), normal());
	my @v = ($p, $q, $p + $q, $p - $q, 2 * $p + $q, $p - 2 * $q);
	$_ += 0.05 * normal() for @v;
	my $odd = $i % 60 == 0;
	@v = reverse @v if $odd;
	print join(",", (map { sprintf "%.9g", $v[$_] * $unit[$_] + $zero[$_] } 0 .. 5), 3.5, $odd ? "turned" : "plain"), "\n";
}
