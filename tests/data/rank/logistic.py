#!/usr/bin/python3
# Writes the vectors of tests/unit/test_learn.c: weights of ridge logistic regression by scikit-learn, and with a prior mean by
# SciPy. Needs python3-sklearn. Usage: logistic.py > logistic.inc
import numpy as np
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

rng = np.random.default_rng(5)


def write(name, x, y, mean, penalty, w):
    def row(v):
        return '{' + ', '.join('%.17g' % t for t in np.ravel(v)) + '}'
    print('{.name = "%s", .n = %d, .p = %d, .x = %s, .y = %s, .mean = %s, .penalty = %s, .w = %s},' %
          (name, x.shape[0], x.shape[1], row(x), '{' + ', '.join(str(int(t)) for t in y) + '}', row(mean), row(penalty), row(w)))


def sklearn_case(name, x, y, c):
    model = LogisticRegression(C=c, tol=1e-14, max_iter=100000, solver='newton-cholesky').fit(x, y)
    p = x.shape[1]
    write(name, x, y, np.zeros(p), np.full(p, 1 / c), np.append(model.coef_[0], model.intercept_))


def scipy_case(name, x, y, mean, penalty):
    def objective(t):
        a = x @ t[:-1] + t[-1]
        d = t[:-1] - mean
        share = 1 / (1 + np.exp(-a))
        return ((np.logaddexp(0, a) - y * a).sum() + (penalty * d * d).sum() / 2,
                np.append(x.T @ (share - y) + penalty * d, (share - y).sum()))
    t = minimize(objective, np.zeros(x.shape[1] + 1), jac=True, method='BFGS', options={'gtol': 1e-12}).x
    write(name, x, y, mean, penalty, t)


x = np.round(rng.normal(size=(40, 3)), 3)
sklearn_case('C = 1', x, (x @ [1, -2, 0.5] + rng.normal(size=40) > 0.3).astype(int), 1.0)
x = np.round(rng.normal(size=(12, 2)), 3)
sklearn_case('separable, C = 100', x, (x[:, 0] > 0).astype(int), 100.0)
x = np.round(rng.normal(size=(8, 6)) * [1, 10, 100, 1, 1, 1], 3)
sklearn_case('more weights than decisions of a kind, C = 0.1', x, np.array([0, 0, 0, 0, 0, 0, 1, 1]), 0.1)
x = np.round(rng.normal(size=(30, 4)), 3)
scipy_case('a prior mean', x, (x[:, 1] + rng.normal(size=30) > 0).astype(int), np.array([1.0, 0, 0, -0.5]), np.array([3.0, 10, 0.2, 1]))
