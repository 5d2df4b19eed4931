package apiserver

import (
	"encoding/json"
	"net/http"

	authentication "k8s.io/api/authentication/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/apiserver/pkg/authentication/user"
)

const reviews = "authentication.k8s.io/v1"

// serve answers authenticated requests.
func serve(w http.ResponseWriter, r *http.Request, who user.Info) {
	switch r.Method + " " + r.URL.Path {
	case "GET /version":
		reply(w, http.StatusOK, version.Info{Major: "1", Minor: "37", GitVersion: "v1.37.2"})
	case "GET /api":
		reply(w, http.StatusOK, meta.APIVersions{TypeMeta: kind("APIVersions", ""), Versions: []string{"v1"}})
	case "GET /apis":
		reply(w, http.StatusOK, groups())
	case "GET /api/v1":
		reply(w, http.StatusOK, resources("v1", meta.APIResource{Name: "pods", SingularName: "pod", Kind: "Pod", Namespaced: true, Verbs: meta.Verbs{"get", "list", "create"}}))
	case "GET /apis/" + reviews:
		reply(w, http.StatusOK, resources(reviews, meta.APIResource{Name: "selfsubjectreviews", SingularName: "selfsubjectreview", Kind: "SelfSubjectReview", Verbs: meta.Verbs{"create"}}))
	case "GET /api/v1/namespaces/default/pods":
		reply(w, http.StatusOK, core.PodList{TypeMeta: kind("PodList", "v1"), Items: []core.Pod{pod("web")}})
	case "POST /api/v1/namespaces/default/pods":
		create(w, r)
	case "POST /apis/" + reviews + "/selfsubjectreviews":
		reply(w, http.StatusCreated, review(who))
	default:
		reply(w, http.StatusNotFound, failure(http.StatusNotFound, meta.StatusReasonNotFound, "the server could not find the requested resource"))
	}
}

func kind(name, version string) meta.TypeMeta { return meta.TypeMeta{Kind: name, APIVersion: version} }

func groups() meta.APIGroupList {
	v1 := meta.GroupVersionForDiscovery{GroupVersion: reviews, Version: "v1"}
	return meta.APIGroupList{TypeMeta: kind("APIGroupList", "v1"), Groups: []meta.APIGroup{
		{Name: "authentication.k8s.io", Versions: []meta.GroupVersionForDiscovery{v1}, PreferredVersion: v1},
	}}
}

func resources(groupVersion string, r meta.APIResource) meta.APIResourceList {
	return meta.APIResourceList{TypeMeta: kind("APIResourceList", "v1"), GroupVersion: groupVersion, APIResources: []meta.APIResource{r}}
}

func pod(name string) core.Pod {
	return core.Pod{TypeMeta: kind("Pod", "v1"), ObjectMeta: meta.ObjectMeta{Name: name, Namespace: "default"}}
}

// create answers with the object in the request, and does not store it.
func create(w http.ResponseWriter, r *http.Request) {
	var sent core.Pod
	if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
		reply(w, http.StatusBadRequest, failure(http.StatusBadRequest, meta.StatusReasonBadRequest, err.Error()))
		return
	}
	reply(w, http.StatusCreated, sent)
}

func review(who user.Info) authentication.SelfSubjectReview {
	return authentication.SelfSubjectReview{
		TypeMeta: kind("SelfSubjectReview", reviews),
		Status: authentication.SelfSubjectReviewStatus{
			UserInfo: authentication.UserInfo{Username: who.GetName(), Groups: who.GetGroups()},
		},
	}
}

func failure(code int32, reason meta.StatusReason, message string) meta.Status {
	return meta.Status{TypeMeta: kind("Status", "v1"), Status: meta.StatusFailure, Message: message, Reason: reason, Code: code}
}

func reply(w http.ResponseWriter, status int, object any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object) // an error means that the client has disconnected
}
